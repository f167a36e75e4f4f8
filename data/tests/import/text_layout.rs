//! How delimited text may be laid out: line ends, marks, empty lines, quotation, and what is refused.

use assay_data::import::ImportRequest;

use crate::case::{Case, Edit};

const ROWS: [&str; 2] = ["1970-01-01T00:00:01Z,1.5,1.6", "1970-01-01T00:00:02Z,1.7,1.75"];

fn read(text: impl AsRef<[u8]>) -> Vec<String> {
    let case = Case::new().file("a.csv", text);
    case.import(|_| {}).unwrap();
    case.rows("quotes")
}

fn refused(text: impl AsRef<[u8]>) -> String {
    Case::new().file("a.csv", text).error(|_| {})
}

#[test]
fn carriage_returns_before_line_breaks_are_no_part_of_a_field() {
    assert_eq!(read("time_ms,bid,ask\r\n1000,1.5,1.6\r\n2000,1.7,1.75\r\n"), ROWS);
    assert_eq!(read("time_ms,bid,ask\r\n1000,1.5,\"1.6\"\r\n\r\n2000,1.7,1.75"), ROWS);
    let error = refused("time_ms,bid,ask\r\n1000,1.5,1.6\r\n2000,1.7,x\r\n");
    assert!(error.contains("line 3, column ask: `x` is not a number"), "{error}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    assert_eq!(read("\u{feff}time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7,1.75\n"), ROWS);
    assert_eq!(read("\u{feff}\"time_ms\",bid,ask\n1000,1.5,1.6\n2000,1.7,1.75\n"), ROWS);
    let case = Case::new().file("a.csv", "\u{feff}1000,1.5,1.6\n2000,1.7,1.75\n");
    let named: Edit<'_> = &|r: &mut ImportRequest| {
        r.columns = Some(["time_ms", "bid", "ask"].map(str::to_owned).to_vec());
    };
    case.import(named).unwrap();
    assert_eq!(case.rows("quotes"), ROWS);
}

#[test]
fn empty_lines_and_comments_are_passed_over_and_counted() {
    let text = "\n# ticks\n \ntime_ms,bid,ask\n\n1000,1.5,1.6\n\r\n# a \"gap\n  \n2000,1.7,1.75\n\n";
    assert_eq!(read(text), ROWS);
    for (more, line) in [("1,2,x\n", 12), ("\n#\n1,\"2,3\n4,5,6\n", 14), ("\n\n1000,1,2\n", 14)] {
        let error = refused(format!("{text}{more}"));
        assert!(error.contains(&format!("line {line}")), "{error}");
    }
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(read("time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7,1.75"), ROWS);
    assert!(refused("time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7").contains("line 3: 2 fields where 3"));
    assert!(refused("time_ms,bid,ask\n1000,1.5,1.6\n2000,1.7,\"1.75").contains("line 3: a quotation mark"));
}

#[test]
fn ragged_lines_are_refused_with_their_fields_counted() {
    for (line, found) in [
        ("2000", 1),
        ("2000,1.7", 2),
        ("2000,1.7,1.75,", 4),
        ("2000,\"1.7\",1.75,\"a,b\"", 4),
        ("2000,1.7,1.75,1,2,3", 6),
    ] {
        let error = refused(format!("time_ms,bid,ask\n1000,1.5,1.6\n{line}\n3000,1,1\n"));
        let expected = format!("line 3: {found} fields where 3 are expected");
        assert!(error.contains(&expected), "{line}: {error}");
    }
}

#[test]
fn quotation_marks_keep_delimiters_and_doubled_marks() {
    let text = "\"time_ms\",\"note\",bid,\"ask\"\n1000,\"a, \"\"b\"\"\",\"1.5\",1.6\n2000,,\" 1.7 \",\"1.75\"\n";
    assert_eq!(read(text), ROWS);
    let error = refused("time_ms,bid,ask\n1000,\"1\"\"5\",1.6\n");
    assert!(error.contains("line 2, column bid: `1\"5` is not a number"), "{error}");
}

#[test]
fn a_cell_over_several_lines_is_refused_where_it_begins() {
    let rows = "1000,1.5,1.6,\n".repeat(3);
    for (text, line) in [
        (format!("time_ms,bid,ask,note\n{rows}2000,1.7,1.75,\"a\nb\"\n{rows}"), 5),
        (format!("time_ms,bid,ask,note\n{rows}2000,1.7,1.75,\"a\n\nb\n\n"), 5),
        (format!("time_ms,bid,ask,note\n{rows}2000,1.7,1.75,\"\n"), 5),
        (format!("time_ms,bid,ask,\"no\nte\"\n{rows}"), 1),
        // Longer than what is looked at first, and than what is read at a time.
        (
            format!("time_ms,bid,ask,note\n{}2,1,1,\"a\n", "1,1,1,\n".repeat(100_000)),
            100_002,
        ),
        (
            format!("time_ms,bid,ask,note\n{rows}2,1,1,\"a\n{}", "2000,1,1,\n".repeat(600_000)),
            5,
        ),
    ] {
        let error = refused(text);
        let expected = format!("line {line}: a quotation mark is not closed on its line");
        assert!(error.contains(&expected) && error.contains("line breaks"), "{error}");
    }
}

#[test]
fn a_nul_byte_is_refused_wherever_it_stands() {
    for (text, line) in [
        ("time_ms,bid,ask,note\n1000,1.5,1.6,a\0b\n".to_owned(), 2),
        ("time_ms,bid,ask,note\n1000,1.5,1.6,\n2000,1.\x007,1.75,\n".to_owned(), 3),
        (
            format!("time_ms,bid,ask,note\n{}2,1,1,\0\n", "1,1,1,\n".repeat(100_000)),
            100_002,
        ),
        ("t\0i\0m\0e\0,\0b\0i\0d\0\n\0".to_owned(), 1),
    ] {
        let error = refused(text);
        assert!(
            error.contains(&format!("line {line}: a NUL byte")) && error.contains("UTF-8"),
            "{error}"
        );
    }
}

#[test]
fn text_that_is_not_utf_8_is_refused_with_its_line() {
    let mut text = format!("time_ms,bid,ask,note\n{}", "1,1,1,\u{e9}\n".repeat(100_000)).into_bytes();
    text.extend_from_slice(b"2,1,1,\xe9\n");
    assert!(refused(text).contains("line 100002: not UTF-8"));
}
