//! Refusals as RFC 9457 problem details. `code` names a sentence in the message files.

use crate::event::EventsError;
use crate::event::access::Denied;
use crate::event::groups::model::GroupsError;
use crate::event::history::HistoryError;
use axum::Json;
use axum::extract::FromRequest;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sangam_shared::limits;
use sangam_shared::message::RefusalCode;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::marker::PhantomData;

/// Every way in which a request can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    NoSession,
    LinkUnknown,
    LinkExpired,
    LinkRevoked,
    LinkUsed,
    #[serde(rename = "unknown_code")]
    Mistyped,
    Waiting,
    Forbidden,
    ForeignOrigin,
    NotFound,
    MethodNotAllowed,
    InvalidField,
    TooLarge,
    Full,
    LineOver,
    NoSuchMoment,
    ReadOnly,
    Stale,
    GroupsPublished,
    GroupsNothing,
    GroupsUndoOver,
    Busy,
    TooMany,
    Unavailable,
}

/// A refusal.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    field: Option<String>,
    detail: String,
    /// Ask again after so many seconds.
    retry_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Body<'p> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'p str,
    code: Code,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'p str>,
}

/// Marks an answer that says no to whoever asks, for the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Denial(pub(super) &'static str);

impl Code {
    /// Whether it is about who asks, not about what.
    fn is_refusal(self) -> bool {
        match self {
            Self::NoSession
            | Self::LinkUnknown
            | Self::LinkExpired
            | Self::LinkRevoked
            | Self::LinkUsed
            | Self::Mistyped
            | Self::Waiting
            | Self::Forbidden
            | Self::ForeignOrigin => true,
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::InvalidField
            | Self::TooLarge
            | Self::Full
            | Self::LineOver
            | Self::NoSuchMoment
            | Self::ReadOnly
            | Self::Stale
            | Self::GroupsPublished
            | Self::GroupsNothing
            | Self::GroupsUndoOver
            | Self::Busy
            | Self::TooMany
            | Self::Unavailable => false,
        }
    }

    /// As the audit log says it.
    fn name(self) -> &'static str {
        match self {
            Self::NoSession => "no_session",
            Self::LinkUnknown => "link_unknown",
            Self::LinkExpired => "link_expired",
            Self::LinkRevoked => "link_revoked",
            Self::LinkUsed => "link_used",
            Self::Mistyped => "unknown_code",
            Self::Waiting => "waiting",
            Self::ForeignOrigin => "foreign_origin",
            _ => "forbidden",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::NoSession => StatusCode::UNAUTHORIZED,
            Self::LinkUnknown | Self::Mistyped | Self::NotFound | Self::NoSuchMoment => {
                StatusCode::NOT_FOUND
            }
            Self::LinkExpired | Self::LinkRevoked | Self::LinkUsed | Self::LineOver => {
                StatusCode::GONE
            }
            Self::Forbidden | Self::ForeignOrigin | Self::Waiting => StatusCode::FORBIDDEN,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidField => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Full
            | Self::ReadOnly
            | Self::Stale
            | Self::GroupsPublished
            | Self::GroupsNothing
            | Self::GroupsUndoOver => StatusCode::CONFLICT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For machines' logs; people read the message files.
    fn sentence(self) -> &'static str {
        match self {
            Self::NoSession => "Open the link of your event first.",
            Self::LinkUnknown => "Nobody knows this link.",
            Self::LinkExpired => "This link has expired.",
            Self::LinkRevoked => "This link was taken back.",
            Self::LinkUsed => "This link has opened another device; ask for a new one.",
            Self::Mistyped => "Nobody knows this code, or it was used, or its time is over.",
            Self::Waiting => "Somebody has to let you in first.",
            Self::TooMany => "Too many ask at once; try again in a moment.",
            Self::Forbidden => "Your role may not do this.",
            Self::ForeignOrigin => "This request comes from another site's page.",
            Self::NotFound => "There is nothing here.",
            Self::MethodNotAllowed => "This address does not take this method.",
            Self::InvalidField => "A field is not usable.",
            Self::TooLarge => "This is larger than the limit.",
            Self::Full => "This event has no seat left.",
            Self::LineOver => "This connection is over; open another one.",
            Self::NoSuchMoment => "The history does not reach this moment.",
            Self::ReadOnly => "This board takes no changes at the moment.",
            Self::Stale => "Somebody else has changed this meanwhile; look again, then repeat.",
            Self::GroupsPublished => "The groups are published; wishes cannot change any more.",
            Self::GroupsNothing => "Nobody has a group yet.",
            Self::GroupsUndoOver => "It is too late to take this back; publish again instead.",
            Self::Busy => "Others are being served; try again in a moment.",
            Self::Unavailable => "The server cannot write at the moment; try again.",
        }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let retry_seconds = (code == Code::Busy).then_some(limits::EXPORT_RETRY_SECONDS);
        Self { code, field: None, detail: code.sentence().to_owned(), retry_seconds }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unknown => Code::LinkUnknown,
            Denied::Expired => Code::LinkExpired,
            Denied::Revoked => Code::LinkRevoked,
            Denied::Used => Code::LinkUsed,
            Denied::Waiting => Code::Waiting,
            Denied::Foreign | Denied::Forbidden => Code::Forbidden,
        }
        .into()
    }
}

impl From<EventsError> for Problem {
    fn from(error: EventsError) -> Self {
        match error {
            EventsError::Denied(denied) => denied.into(),
            EventsError::Field { field, why } => Self::field(field, &why),
            EventsError::Full => Code::Full.into(),
            EventsError::Groups(error) => match error {
                GroupsError::Stale => Code::Stale,
                GroupsError::Published => Code::GroupsPublished,
                GroupsError::Nothing => Code::GroupsNothing,
                GroupsError::UndoOver => Code::GroupsUndoOver,
            }
            .into(),
            EventsError::Code => Code::Mistyped.into(),
            EventsError::TooMany { seconds } => {
                Self { retry_seconds: Some(seconds), ..Code::TooMany.into() }
            }
            EventsError::Exists(slug) => Self::field("slug", &format!("{slug} exists already")),
            EventsError::Store(error) => {
                tracing::error!(%error, "a request failed");
                Code::Unavailable.into()
            }
            EventsError::Damaged { .. } => {
                tracing::error!(%error, "a request failed");
                Code::Unavailable.into()
            }
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::NoSuchMoment => Code::NoSuchMoment.into(),
            HistoryError::KeyUsed => Self::field("key", "was used for another restore"),
            HistoryError::NoSpace(_) | HistoryError::Refused(RefusalCode::TooLarge) => {
                Code::TooLarge.into()
            }
            HistoryError::Refused(RefusalCode::ReadOnly) => Code::ReadOnly.into(),
            HistoryError::Events(error) => error.into(),
            HistoryError::TooLong | HistoryError::Refused(_) | HistoryError::Store(_) => {
                tracing::error!(%error, "a request failed");
                Code::Unavailable.into()
            }
        }
    }
}

impl Problem {
    /// Not now, and why.
    pub(crate) fn unavailable(why: &str) -> Self {
        Self { detail: why.to_owned(), ..Code::Unavailable.into() }
    }

    /// A field that is not usable; `why` is a clause such as "is empty".
    pub(crate) fn field(field: &str, why: &str) -> Self {
        let detail = format!("The field `{field}` {why}.");
        Self { field: Some(field.to_owned()), detail, ..Code::InvalidField.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let body = Body {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Refused"),
            status: status.as_u16(),
            detail: &self.detail,
            code: self.code,
            field: self.field.as_deref(),
        };
        let mut response = (status, Json(body)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        if let Some(seconds) = self.retry_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code.is_refusal() {
            response.extensions_mut().insert(Denial(self.code.name()));
        }
        response
    }
}

/// JSON whose refusal is a problem that names the field.
pub(crate) struct JsonBody<T>(pub T);

/// A JSON object and nothing else: serde takes a list for any struct, field by field.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(
        request: axum::extract::Request,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        match Json::<Object<T>>::from_request(request, state).await {
            Ok(Json(Object(value))) => Ok(Self(value)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Code::TooLarge.into())
            }
            Err(
                rejection @ (JsonRejection::JsonDataError(_) | JsonRejection::JsonSyntaxError(_)),
            ) => {
                // axum puts the path first: "…: name: invalid type: …"; serde quotes missing ones.
                let text = rejection.body_text();
                let clause = text.split(": ").skip(1).collect::<Vec<_>>().join(": ");
                let names_field = ["missing field", "unknown field"];
                let names_field = names_field.iter().any(|start| clause.starts_with(start));
                let quoted = clause.split('`').nth(1).filter(|_| names_field);
                let path = clause.split(": ").next().filter(|path| !path.contains(' '));
                let field = path.or(quoted).unwrap_or("body").to_owned();
                Err(Problem::field(&field, &format!("is not as expected: {clause}")))
            }
            Err(rejection) => {
                Err(Problem::field("body", &format!("is not JSON: {}", rejection.body_text())))
            }
        }
    }
}
