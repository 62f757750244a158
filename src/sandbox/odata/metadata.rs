//! What the service says of itself: the service document, and `$metadata` as EDMX.
//!
//! Out: JSON and XML that client libraries read before anything else.
//!
//! Source: the OASIS CSDL XML 4.0 standard; namespace, container name, enum member names and the bound action `post`
//! as Business Central publishes them.

use std::fmt::{self, Write};

use super::entities::ENTITIES;
use super::model::{Behaviour, EntityType, EnumType, Kind, Navigation, Property};
use super::value::write_text;

/// The service document; `root` is the absolute address of the service, without a slash at its end.
pub(crate) fn service_document(root: &str) -> Vec<u8> {
    let mut json = br#"{"@odata.context":"#.to_vec();
    write_text(&mut json, &format!("{root}/$metadata"));
    json.extend_from_slice(br#","value":["#);
    for (index, entity) in ENTITIES.iter().enumerate() {
        let (comma, set) = (if index == 0 { "" } else { "," }, entity.set);
        let item = format!(r#"{comma}{{"name":"{set}","kind":"EntitySet","url":"{set}"}}"#);
        json.extend_from_slice(item.as_bytes());
    }
    json.extend_from_slice(b"]}");
    json
}

/// The description of every type and set, as XML.
pub(crate) fn metadata(behaviour: Behaviour) -> String {
    let mut xml = String::with_capacity(32 * 1024);
    write_document(&mut xml, behaviour).expect("writing to a string cannot fail");
    xml
}

fn write_document(xml: &mut String, behaviour: Behaviour) -> fmt::Result {
    xml.push_str(concat!(
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        r#"<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>"#,
        r#"<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">"#,
    ));
    for entity in ENTITIES {
        write_entity_type(xml, entity, behaviour)?;
    }
    for enumeration in enumerations() {
        write_enumeration(xml, enumeration)?;
    }
    xml.push_str(concat!(
        r#"<Action Name="post" IsBound="true">"#,
        r#"<Parameter Name="bindingParameter" Type="Microsoft.NAV.journal"/></Action>"#,
        r#"<EntityContainer Name="NAV">"#,
    ));
    for entity in ENTITIES {
        write_set(xml, entity, behaviour)?;
    }
    xml.push_str("</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
    Ok(())
}

fn write_entity_type(xml: &mut String, entity: &EntityType, behaviour: Behaviour) -> fmt::Result {
    write!(xml, r#"<EntityType Name="{}"><Key><PropertyRef Name="id"/></Key>"#, entity.name)?;
    for property in entity.properties.iter().filter(|property| property.is_visible(behaviour)) {
        write_property(xml, property)?;
    }
    for navigation in navigations(entity, behaviour) {
        write_navigation(xml, navigation)?;
    }
    if is_company(entity) {
        for contained in ENTITIES.iter().filter(|entity| !is_company(entity)) {
            let (name, set) = (contained.name, contained.set);
            let kind = format!(r#"Type="Collection(Microsoft.NAV.{name})" ContainsTarget="true""#);
            write!(xml, r#"<NavigationProperty Name="{set}" {kind}/>"#)?;
        }
    }
    xml.push_str("</EntityType>");
    Ok(())
}

fn write_property(xml: &mut String, property: &Property) -> fmt::Result {
    write!(xml, r#"<Property Name="{}" Type="{}""#, property.name, property.kind.edm_name())?;
    if let Some(max_length) = property.max_length {
        write!(xml, r#" MaxLength="{max_length}""#)?;
    }
    xml.push_str(match property.kind {
        Kind::Decimal => r#" Scale="variable""#,
        Kind::DateTime => r#" Precision="3""#,
        _ => "",
    });
    xml.push_str(if property.name == "id" { r#" Nullable="false"/>"# } else { "/>" });
    Ok(())
}

/// A list belongs to the entity it hangs on; a single entity lives in its own set.
fn write_navigation(xml: &mut String, navigation: &Navigation) -> fmt::Result {
    let (name, target) = (navigation.name, navigation.target().name);
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

fn write_set(xml: &mut String, entity: &EntityType, behaviour: Behaviour) -> fmt::Result {
    write!(xml, r#"<EntitySet Name="{}" EntityType="Microsoft.NAV.{}">"#, entity.set, entity.name)?;
    for navigation in navigations(entity, behaviour).filter(|navigation| !navigation.many) {
        let (name, target) = (navigation.name, navigation.target_set);
        write!(xml, r#"<NavigationPropertyBinding Path="{name}" Target="{target}"/>"#)?;
    }
    xml.push_str("</EntitySet>");
    Ok(())
}

fn navigations(entity: &EntityType, behaviour: Behaviour) -> impl Iterator<Item = &'static Navigation> {
    let is_visible = move |navigation: &&Navigation| behaviour == Behaviour::Seed || !navigation.seed_only;
    entity.navigations.iter().filter(is_visible)
}

fn is_company(entity: &EntityType) -> bool {
    entity.set == "companies"
}

/// Every enum type that a property has, each once.
fn enumerations() -> Vec<&'static EnumType> {
    let mut found: Vec<&'static EnumType> = Vec::new();
    for property in ENTITIES.iter().flat_map(|entity| entity.properties) {
        if let Kind::Enum(enumeration) = property.kind
            && found.iter().all(|known| known.name != enumeration.name)
        {
            found.push(enumeration);
        }
    }
    found
}
