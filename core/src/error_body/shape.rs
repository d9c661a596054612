//! Where in a JSON document each vendor has its error.

use alloc::borrow::Cow;

use crate::json::Json;

macro_rules! members {
    ($( $field:ident $name:literal, )+) => {
        /// The members that some vendor's error has, found in one pass.
        #[derive(Clone, Copy, Default)]
        pub(super) struct Members<'d, 'a> {
            $( pub $field: Option<&'d Json<'a>>, )+
        }

        impl<'d, 'a> Members<'d, 'a> {
            /// Of members with the same name the last counts, and null is no value.
            fn of(object: &'d Json<'a>) -> Option<Self> {
                let Json::Object(members) = object else {
                    return None;
                };
                let mut found = Self::default();
                for (name, value) in members {
                    let member = match name.as_ref() {
                        $( $name => &mut found.$field, )+
                        _ => continue,
                    };
                    *member = Some(value).filter(|value| **value != Json::Null);
                }
                Some(found)
            }
        }
    };
}

members! {
    aws_type "__type",
    aws_message "Message",
    code "code",
    detail "detail",
    details "details",
    error "error",
    error_code "error_code",
    error_description "error_description",
    errors "errors",
    kind "type",
    message "message",
    metadata "metadata",
    object "object",
    ok "ok",
    param "param",
    raw_status_code "raw_status_code",
    response "response",
    retry_after "retry_after",
    retryable "retryable",
    status "status",
    status_code "statusCode",
    success "success",
    title "title",
}

/// The error in a document, found by the shape of the document.
pub(super) struct Shape<'d, 'a> {
    /// The parts of the error.
    pub error: Members<'d, 'a>,
    /// The members of the document around it; the same where the document is the error.
    outer: Members<'d, 'a>,
    /// Whether there is an object for the error alone.
    pub nested: bool,
    /// The text that stands in place of an error object.
    text: Option<&'d Cow<'a, str>>,
    /// Whether the document says that it is an error, and not only looks like one.
    pub marked: bool,
}

impl<'d, 'a> Shape<'d, 'a> {
    /// The shape of a document, or of the first document of a list, as Google's streaming
    /// endpoints send it. Nothing where that is no object.
    pub(super) fn of(document: &'d Json<'a>) -> Option<Self> {
        let outer = Members::of(match document {
            Json::List(documents) => documents.first()?,
            other => other,
        })?;
        // OpenAI, Anthropic, Google, Azure, Groq, Together, OpenRouter: {"error": {…}}.
        // OpenAI's event response.failed: {"response": {"error": {…}}}.
        // Cloudflare's API: {"errors": [{…}]}.
        let nested = outer
            .error
            .and_then(Members::of)
            .or_else(|| Members::of(outer.response?.get("error")?))
            .or_else(|| Members::of(outer.errors?.elements().first()?));
        // Slack, Spring, OAuth: {"error": "ratelimited"}.
        let text = match nested {
            Some(_) => None,
            None => outer.error.and_then(Json::as_text),
        };
        let text = text.filter(|text| !text.is_empty());
        let is_error = |value: Option<&Json<'_>>| {
            let text = value.and_then(Json::as_text);
            text.is_some_and(|text| text == "error")
        };
        let denies = |value: Option<&Json<'_>>| value.and_then(Json::as_bool) == Some(false);
        let marked = nested.is_some()
            || text.is_some()
            || is_error(outer.kind)
            || is_error(outer.object)
            || denies(outer.ok)
            || denies(outer.success);
        Some(Self {
            error: nested.unwrap_or(outer),
            outer,
            nested: nested.is_some(),
            text,
            marked,
        })
    }

    /// What went wrong, for a person.
    pub(super) fn message(&self) -> Option<Cow<'a, str>> {
        let error = &self.error;
        let sentence = self.text.filter(|text| !is_word(text));
        // FastAPI: {"detail": [{"msg": …}]}.
        let listed = || error.detail?.elements().first()?.get("msg")?.as_text();
        sentence
            .cloned()
            .or_else(|| text_of(error.message))
            .or_else(|| text_of(error.aws_message))
            .or_else(|| text_of(error.detail))
            .or_else(|| listed().cloned())
            .or_else(|| text_of(error.error_description))
            .or_else(|| text_of(error.title))
            .or_else(|| text_of(self.outer.message))
    }

    /// The vendor's kind of error; Google calls it `status`, AWS `__type`.
    pub(super) fn kind(&self) -> Option<Cow<'a, str>> {
        let envelope = |kind: &Cow<'_, str>| !self.nested && kind == "error";
        let aws = || match text_of(self.error.aws_type)? {
            Cow::Borrowed(kind) => kind.rsplit('#').next().map(Cow::Borrowed),
            Cow::Owned(kind) => kind.rsplit('#').next().map(|kind| Cow::Owned(kind.into())),
        };
        text_of(self.error.kind)
            .filter(|kind| !envelope(kind))
            .or_else(|| {
                self.error
                    .status?
                    .as_text()
                    .filter(|s| is_rpc_code(s))
                    .cloned()
            })
            .or_else(aws)
    }

    /// The vendor's code for the error.
    pub(super) fn code(&self) -> Option<Cow<'a, str>> {
        let word = self.text.filter(|text| is_word(text));
        word.cloned()
            .or_else(|| text_of(self.error.code))
            .or_else(|| text_of(self.error.error_code))
    }

    /// The request's parameter that is at fault.
    pub(super) fn param(&self) -> Option<Cow<'a, str>> {
        text_of(self.error.param)
    }

    /// The status that the body states itself: OpenRouter and Google have it as `code`.
    pub(super) fn status(&self) -> Option<u16> {
        let error = &self.error;
        let own = [
            error.code,
            error.status,
            error.raw_status_code,
            error.status_code,
        ];
        own.into_iter()
            .chain([self.outer.status])
            .filter_map(|status| u16::try_from(status?.as_u64()?).ok())
            .find(|status| (400..=599).contains(status))
    }

    /// The server's own word on whether to try again.
    pub(super) fn retryable(&self) -> Option<bool> {
        let own = self.error.retryable.and_then(Json::as_bool);
        own.or_else(|| self.outer.retryable?.as_bool())
    }

    /// The wait in seconds, in Discord's and Cloudflare's way.
    pub(super) fn retry_after(&self) -> Option<&'d Json<'a>> {
        self.error.retry_after.or(self.outer.retry_after)
    }

    /// The elements of Google's `details` that are messages of this type.
    pub(super) fn details(&self, message_type: &str) -> impl Iterator<Item = &'d Json<'a>> {
        let details = self.error.details.map_or(&[][..], Json::elements).iter();
        details.filter(move |detail| {
            let url = detail.get("@type").and_then(Json::as_text);
            url.is_some_and(|url| url.ends_with(message_type))
        })
    }
}

fn text_of<'a>(value: Option<&Json<'a>>) -> Option<Cow<'a, str>> {
    value?.text_or_digits()
}

/// Whether a `status` is one of google.rpc.Code, and not a text for 404 or for "error".
fn is_rpc_code(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
}

fn is_word(text: &str) -> bool {
    !text.contains(|c: char| c.is_ascii_whitespace())
}
