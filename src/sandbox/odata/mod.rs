//! The `OData` half of the sandbox server: what the entities are, what a query asks for, and how both are written.
//!
//! In: the query part of a URL, request bodies, and records from the books. Out: typed queries, typed values,
//! pages, JSON, the service document and `$metadata`.
//!
//! Promises: it knows nothing of sockets or storage; a name, option or literal that it does not understand is an
//! [`ODataError`], never ignored; decimals keep their digits.
//!
//! A list is answered so: [`Query::parse`], then [`Page::of`] over records in the entity's default order, then
//! [`Writer::collection`]; one entity with [`Writer::entity`]; a body is read with [`read_body`].

mod body;
mod dialect;
mod entities;
mod error;
mod filter;
#[cfg(test)]
mod fixture;
mod guid;
mod literal;
mod metadata;
mod model;
mod page;
mod query;
mod split;
mod syntax;
mod typing;
mod value;
mod write;

pub(crate) use body::{Intent, read_body};
pub use dialect::{Dialect, UnknownDialect};
#[cfg(test)]
pub(crate) use entities::entities;
pub(crate) use error::ODataError;
pub(crate) use filter::{Field, Filter, Place};
pub(crate) use guid::Guid;
pub(crate) use metadata::{metadata, service_document};
pub(crate) use model::{Behaviour, EntityType, Kind, Navigation, entity_by_set, entity_of};
pub(crate) use page::{MAX_PAGE_SIZE, Page, page_size};
pub(crate) use query::Query;
pub(crate) use split::decode;
pub(crate) use syntax::Comparison;
pub(crate) use value::{Record, UNSET_DATE, Value};
pub(crate) use write::{Annotations, Writer, next_link};
