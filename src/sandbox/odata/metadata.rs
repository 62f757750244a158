//! What the service says of itself: the service document, and `$metadata` as EDMX.
//!
//! Out: JSON and XML that client libraries read before anything else.
//!
//! Source: the OASIS CSDL XML 4.0 standard; namespace, container name, enum member names and the bound action `post`
//! as Business Central publishes them. In seed behaviour an enum with a blank member is declared as text, as the guide
//! has it: the blank is a space on the wire there, which no enum type can have as a member.

use std::fmt::{self, Write};

use super::dialect::Dialect;
use super::entities::entities;
use super::model::{Behaviour, EntityType, EnumType, Kind, Navigation, Property};
use super::value::write_text;

/// The service document; `root` is the absolute address of the service, without a slash at its end.
pub(crate) fn service_document(root: &str, dialect: Dialect, behaviour: Behaviour) -> Vec<u8> {
    let mut json = br#"{"@odata.context":"#.to_vec();
    write_text(&mut json, &format!("{root}/$metadata"));
    json.extend_from_slice(br#","value":["#);
    let names = entities(dialect).iter().flat_map(|entity| entity.names(behaviour));
    for (index, set) in names.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let item = format!(r#"{comma}{{"name":"{set}","kind":"EntitySet","url":"{set}"}}"#);
        json.extend_from_slice(item.as_bytes());
    }
    json.extend_from_slice(b"]}");
    json
}

/// The description of every type and set, as XML.
pub(crate) fn metadata(dialect: Dialect, behaviour: Behaviour) -> String {
    let mut xml = String::with_capacity(32 * 1024);
    write_document(&mut xml, dialect, behaviour).expect("writing to a string cannot fail");
    xml
}

fn write_document(xml: &mut String, dialect: Dialect, behaviour: Behaviour) -> fmt::Result {
    let entities = entities(dialect);
    xml.push_str(concat!(
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>"#,
        r#"<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">"#,
    ));
    for entity in entities {
        write_entity_type(xml, (entity, entities), behaviour)?;
    }
    write_complex_types(xml, entities, behaviour)?;
    for enumeration in enumerations(entities, behaviour) {
        write_enumeration(xml, enumeration)?;
    }
    if entities.iter().any(|entity| entity.set == "journals") {
        xml.push_str(concat!(
            r#"<Action Name="post" IsBound="true">"#,
            r#"<Parameter Name="bindingParameter" Type="Microsoft.NAV.journal"/></Action>"#,
        ));
    }
    xml.push_str(r#"<EntityContainer Name="NAV">"#);
    for entity in entities {
        for name in entity.names(behaviour) {
            write_set(xml, (name, entity), behaviour)?;
        }
    }
    xml.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    Ok(())
}

fn write_entity_type(
    xml: &mut String,
    (entity, entities): (&EntityType, &[&'static EntityType]),
    behaviour: Behaviour,
) -> fmt::Result {
    write!(xml, r#"<EntityType Name="{}"><Key>"#, entity.name)?;
    for name in entity.key {
        write!(xml, r#"<PropertyRef Name="{name}"/>"#)?;
    }
    xml.push_str("</Key>");
    let mut last_group = None;
    for property in entity.properties.iter().filter(|property| property.is_visible(behaviour)) {
        let group = property.group();
        match group {
            None => write_property(xml, property, (entity.key.contains(&property.name), behaviour))?,
            Some(name) if group != last_group => {
                let complex = entity.complex(name, behaviour).map_or(name, |complex| complex.type_name);
                write!(xml, r#"<Property Name="{name}" Type="Microsoft.NAV.{complex}"/>"#)?;
            }
            Some(_) => {}
        }
        last_group = group;
    }
    for navigation in navigations(entity, behaviour) {
        write_navigation(xml, navigation)?;
    }
    if is_company(entity) {
        for contained in entities.iter().filter(|entity| !is_company(entity)) {
            let kind =
                format!(r#"Type="Collection(Microsoft.NAV.{})" ContainsTarget="true""#, contained.name);
            for set in contained.names(behaviour) {
                write!(xml, r#"<NavigationProperty Name="{set}" {kind}/>"#)?;
            }
        }
    }
    xml.push_str("</EntityType>");
    Ok(())
}

/// The types of nested objects and of the objects in lists, each once.
fn write_complex_types(
    xml: &mut String,
    entities: &[&'static EntityType],
    behaviour: Behaviour,
) -> fmt::Result {
    for entity in entities {
        for complex in entity.complexes.iter().filter(|one| entity.complex(one.name, behaviour).is_some()) {
            write!(xml, r#"<ComplexType Name="{}">"#, complex.type_name)?;
            for index in entity.parts(complex, behaviour) {
                write_property(xml, &entity.properties[index], (false, behaviour))?;
            }
            xml.push_str("</ComplexType>");
        }
        for property in entity.properties.iter().filter(|property| property.is_visible(behaviour)) {
            let Kind::List(listed) = property.kind else { continue };
            write!(xml, r#"<ComplexType Name="{}">"#, listed.name)?;
            for (name, is_needed) in listed.members {
                let nullable = if *is_needed { r#" Nullable="false""# } else { "" };
                write!(xml, r#"<Property Name="{name}" Type="Edm.String"{nullable}/>"#)?;
            }
            xml.push_str("</ComplexType>");
        }
    }
    Ok(())
}

fn write_property(
    xml: &mut String,
    property: &Property,
    (is_key, behaviour): (bool, Behaviour),
) -> fmt::Result {
    let type_name = declared(property.kind, behaviour).edm_name();
    write!(xml, r#"<Property Name="{}" Type="{type_name}""#, property.member())?;
    if let Some(max_length) = property.max_length {
        write!(xml, r#" MaxLength="{max_length}""#)?;
    }
    xml.push_str(match property.kind {
        Kind::Decimal => r#" Scale="variable""#,
        Kind::DateTime => r#" Precision="3""#,
        _ => "",
    });
    xml.push_str(if is_key { r#" Nullable="false"/>"# } else { "/>" });
    Ok(())
}

/// A list belongs to the entity it hangs on; a single entity lives in its own set.
fn write_navigation(xml: &mut String, navigation: &Navigation) -> fmt::Result {
    let (name, target) = (navigation.name, navigation.target.name);
    if navigation.many {
        let kind = format!(r#"Type="Collection(Microsoft.NAV.{target})" ContainsTarget="true""#);
        return write!(xml, r#"<NavigationProperty Name="{name}" {kind}/>"#);
    }
    write!(xml, r#"<NavigationProperty Name="{name}" Type="Microsoft.NAV.{target}"/>"#)
}

fn write_enumeration(xml: &mut String, enumeration: &EnumType) -> fmt::Result {
    write!(xml, r#"<EnumType Name="{}">"#, enumeration.name)?;
    for (ordinal, wire, _) in enumeration.members {
        write!(xml, r#"<Member Name="{wire}" Value="{ordinal}"/>"#)?;
    }
    xml.push_str("</EnumType>");
    Ok(())
}

fn write_set(xml: &mut String, (name, entity): (&str, &EntityType), behaviour: Behaviour) -> fmt::Result {
    write!(xml, r#"<EntitySet Name="{name}" EntityType="Microsoft.NAV.{}">"#, entity.name)?;
    for navigation in navigations(entity, behaviour).filter(|navigation| !navigation.many) {
        let (name, target) = (navigation.name, navigation.target.set);
        write!(xml, r#"<NavigationPropertyBinding Path="{name}" Target="{target}"/>"#)?;
    }
    xml.push_str("</EntitySet>");
    Ok(())
}

fn navigations(entity: &EntityType, behaviour: Behaviour) -> impl Iterator<Item = &'static Navigation> {
    entity.navigations.iter().filter(move |navigation| navigation.is_visible(behaviour))
}

fn is_company(entity: &EntityType) -> bool {
    entity.set == "companies"
}

/// The type that a property of this kind is declared to have.
fn declared(kind: Kind, behaviour: Behaviour) -> Kind {
    match kind {
        Kind::Enum(enumeration) if behaviour == Behaviour::Seed && enumeration.has_blank() => Kind::Text,
        kind => kind,
    }
}

/// Every enum type that a property is declared to have, each once.
fn enumerations(entities: &[&'static EntityType], behaviour: Behaviour) -> Vec<&'static EnumType> {
    let mut found: Vec<&'static EnumType> = Vec::new();
    for property in entities.iter().flat_map(|entity| entity.properties) {
        if let Kind::Enum(enumeration) = declared(property.kind, behaviour)
            && found.iter().all(|known| known.name != enumeration.name)
        {
            found.push(enumeration);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the open elements must match the names that close them, and nothing may follow the root.
    fn check_well_formed(xml: &str) {
        let mut open = Vec::new();
        for tag in xml.split('<').skip(2) {
            let (tag, text) = tag.split_once('>').unwrap();
            assert_eq!(text, "", "no text stands between elements");
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            assert!(tag.is_ascii() && !tag.contains(['&', '\'']), "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().unwrap());
            }
        }
        assert_eq!(open, Vec::<&str>::new());
    }

    #[test]
    fn the_metadata_is_well_formed_and_every_type_it_names_is_in_it() {
        for (dialect, behaviour) in
            Dialect::ALL.into_iter().flat_map(|one| [(one, Behaviour::Seed), (one, Behaviour::Strict)])
        {
            let xml = metadata(dialect, behaviour);
            check_well_formed(&xml);
            for named in xml.split("Microsoft.NAV.").skip(1) {
                let name = named.split(['"', ')']).next().unwrap();
                let is_there = ["EntityType", "EnumType", "ComplexType"]
                    .iter()
                    .any(|kind| xml.contains(&format!("<{kind} Name=\"{name}\"")));
                assert!(is_there, "{dialect} {name}");
            }
        }
    }

    #[test]
    fn only_seed_behaviour_has_balances_on_customers_and_the_plural_navigation() {
        let customer = |behaviour| {
            let xml = metadata(Dialect::V2, behaviour);
            let start = xml.find(r#"<EntityType Name="customer">"#).unwrap();
            xml[start..start + xml[start..].find("</EntityType>").unwrap()].to_owned()
        };
        for name in [r#""balance""#, r#""customerFinancialDetails""#] {
            assert!(customer(Behaviour::Seed).contains(name), "{name}");
            assert!(!customer(Behaviour::Strict).contains(name), "{name}");
        }
    }

    #[test]
    fn an_enum_that_is_a_space_on_the_wire_is_declared_as_text() {
        let blocked =
            |behaviour| metadata(Dialect::V2, behaviour).contains(r#"Name="blocked" Type="Edm.String""#);
        assert!(blocked(Behaviour::Seed) && !blocked(Behaviour::Strict));
    }

    #[test]
    fn a_type_is_described_as_the_standard_wants() {
        let xml = metadata(Dialect::V2, Behaviour::Strict);
        let journal = xml.split("<EntityType ").find(|part| part.starts_with(r#"Name="journal""#)).unwrap();
        insta::assert_snapshot!(journal, @r#"Name="journal"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid" Nullable="false"/><Property Name="code" Type="Edm.String" MaxLength="10"/><Property Name="displayName" Type="Edm.String" MaxLength="100"/><Property Name="templateDisplayName" Type="Edm.String" MaxLength="10"/><Property Name="lastModifiedDateTime" Type="Edm.DateTimeOffset" Precision="3"/><Property Name="balancingAccountId" Type="Edm.Guid"/><Property Name="balancingAccountNumber" Type="Edm.String" MaxLength="20"/></EntityType>"#);
        insta::assert_snapshot!(xml.split("<EnumType ").nth(2).unwrap(), @r#"Name="customerBlocked"><Member Name="_x0020_" Value="0"/><Member Name="Ship" Value="1"/><Member Name="Invoice" Value="2"/><Member Name="All" Value="3"/></EnumType>"#);
        insta::assert_snapshot!(xml.split("<EntitySet ").nth(2).unwrap(), @r#"Name="customers" EntityType="Microsoft.NAV.customer"><NavigationPropertyBinding Path="currency" Target="currencies"/><NavigationPropertyBinding Path="paymentTerm" Target="paymentTerms"/><NavigationPropertyBinding Path="shipmentMethod" Target="shipmentMethods"/><NavigationPropertyBinding Path="paymentMethod" Target="paymentMethods"/><NavigationPropertyBinding Path="customerFinancialDetail" Target="customerFinancialDetails"/><NavigationPropertyBinding Path="picture" Target="pictures"/></EntitySet>"#);
    }

    #[test]
    fn the_service_document_lists_every_set() {
        let json: serde_json::Value =
            serde_json::from_slice(&service_document("http://h/api/v2.0", Dialect::V2, Behaviour::Seed))
                .unwrap();
        assert_eq!(json["@odata.context"], "http://h/api/v2.0/$metadata");
        assert_eq!(json["value"].as_array().unwrap().len(), entities(Dialect::V2).len());
        assert_eq!(
            json["value"][1],
            serde_json::json!({"name": "customers", "kind": "EntitySet", "url": "customers"})
        );
    }
}
