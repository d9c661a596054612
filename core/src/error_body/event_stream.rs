//! Errors that arrive as an event of a stream, after a status of success
//! (WHATWG HTML section 9.2, "Server-sent events").

use alloc::borrow::Cow;

/// Whether the text is a stream of events and not something else: a field or a comment comes first.
pub(super) fn is_stream(text: &str) -> bool {
    let fields = ["event:", "data:", "id:", "retry:", ":"];
    let mut lines = text.lines().map(str::trim_ascii);
    let first = lines.find(|line| !line.is_empty()).unwrap_or("");
    fields.iter().any(|field| first.starts_with(field))
}

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event<'t> {
    pub name: &'t str,
    pub data: Cow<'t, str>,
}

/// The events in the text; the last may be cut.
pub(super) fn events(text: &str) -> impl Iterator<Item = Event<'_>> {
    // What follows the last line ends the last event.
    let mut lines = text.lines().chain([""]);
    let mut event = Event::default();
    core::iter::from_fn(move || {
        for line in lines.by_ref() {
            if line.is_empty() {
                let whole = core::mem::take(&mut event);
                if !whole.data.is_empty() {
                    return Some(whole);
                }
            } else if let Some(name) = line.strip_prefix("event:") {
                event.name = name.trim_ascii();
            } else if let Some(data) = line.strip_prefix("data:") {
                let data = data.strip_prefix(' ').unwrap_or(data);
                if event.data.is_empty() {
                    event.data = Cow::Borrowed(data);
                } else {
                    let whole = event.data.to_mut();
                    whole.push('\n');
                    whole.push_str(data);
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn events_end_with_a_blank_line_or_with_the_text() {
        let text = ": hello\n\nevent: ping\r\ndata: {}\r\n\r\ndata:{\"a\":\ndata: 1}\nid: 7\n\n\
                    event: lost\n\nevent: error \ndata: {\"b\":2}";
        let events: Vec<_> = events(text).map(|event| (event.name, event.data)).collect();
        let data = |text| Cow::<str>::Borrowed(text);
        assert_eq!(
            events,
            [
                ("ping", data("{}")),
                ("", data("{\"a\":\n1}")),
                ("error", data("{\"b\":2}")),
            ]
        );
    }

    #[test]
    fn streams_are_told_from_other_texts() {
        for text in [
            "data: {}",
            "\n\nevent: error\ndata: x",
            ": ping",
            "retry: 5\n\n",
        ] {
            assert!(is_stream(text), "{text}");
        }
        for text in [
            "",
            "{\"data\": 1}",
            "<html>",
            "busy\ndata: {}",
            "database: x",
        ] {
            assert!(!is_stream(text), "{text}");
        }
    }
}
