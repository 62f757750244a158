//! The entities of every version of the API: which properties and navigations each has, and where its rows are.

mod beta;
mod build;
mod enums;
mod references;
mod v1;
mod v2;

use super::dialect::Dialect;
use super::model::EntityType;

/// Every entity set of `dialect`, in the order of the service document.
pub(crate) fn entities(dialect: Dialect) -> &'static [&'static EntityType] {
    match dialect {
        Dialect::V2 => v2::ENTITIES,
        Dialect::V1 => v1::ENTITIES,
        Dialect::Beta => beta::ENTITIES,
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Behaviour, Property};
    use super::*;

    fn all() -> impl Iterator<Item = &'static EntityType> {
        Dialect::ALL.into_iter().flat_map(entities).copied()
    }

    #[test]
    fn every_entity_starts_with_its_id_and_has_the_properties_of_its_key() {
        for entity in all() {
            assert_eq!(entity.properties[EntityType::KEY].name, "id", "{}", entity.set);
            for name in entity.key {
                assert!(entity.visible_index(name, Behaviour::Strict).is_some(), "{}: {name}", entity.set);
            }
        }
    }

    #[test]
    fn every_navigation_and_every_default_order_leads_somewhere_in_the_same_version() {
        for dialect in Dialect::ALL {
            for entity in entities(dialect) {
                for navigation in entity.navigations {
                    let is_there = entities(dialect).contains(&navigation.target);
                    assert!(is_there, "{dialect} {}/{}", entity.set, navigation.name);
                }
                assert_eq!(entity.default_order().len(), entity.order.len() + 1, "{}", entity.set);
            }
        }
    }

    #[test]
    fn no_name_stands_twice_in_an_entity() {
        for entity in all() {
            for (index, property) in entity.properties.iter().enumerate() {
                let found = entity.property_index(&property.name.to_uppercase());
                assert_eq!(found, Some(index), "{}", entity.set);
            }
        }
    }

    #[test]
    fn the_parts_of_a_nested_object_stand_together() {
        for entity in all() {
            let groups = entity.properties.iter().map(Property::group);
            let mut groups: Vec<_> = groups.collect();
            groups.dedup();
            for complex in entity.complexes {
                let times = groups.iter().filter(|group| **group == Some(complex.name)).count();
                assert_eq!(times, 1, "{}: {}", entity.set, complex.name);
            }
            assert_eq!(groups.iter().flatten().count(), entity.complexes.len(), "{}", entity.set);
        }
    }
}
