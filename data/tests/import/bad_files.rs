//! Every bad input: what is wrong, where, and what to do.

use assay_data::import::{Format, ImportRequest, TimeFormat};

use crate::case::{Case, Edit, columns, minutes};

#[test]
fn bad_files_say_what_where_and_what_to_do() {
    let csv = |text: &str| Case::new().file("a.csv", text);
    let none = |_: &mut ImportRequest| {};
    let utc = |r: &mut ImportRequest| r.zone = "UTC".parse().ok();
    let unix = |r: &mut ImportRequest| r.time_format = Some(TimeFormat::Unix { unit_ns: 1 });
    let headerless = |r: &mut ImportRequest| r.columns = Some(columns("time,bid,ask"));
    let typo = |r: &mut ImportRequest| r.columns = Some(columns("time,bdi,ask"));
    let cases: Vec<(Case, Edit<'_>, &str, &str)> = vec![
        (csv(""), &none, "no rows", "fetch"),
        (csv("time_ms,bid,ask\n"), &none, "no rows", "fetch"),
        (csv("\n\n"), &none, "no rows", "fetch"),
        (
            csv("time_ms,bid,ask\n1,x,2\n"),
            &none,
            "line 2, column bid: `x` is not a number",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n1,1.5e,2\n"),
            &none,
            "`1.5e` is not a number",
            "--columns",
        ),
        (
            csv("time_ms;bid;ask\n1;1,5;2\n"),
            &none,
            "`1,5` is not a number",
            "decimal comma",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,nan,2\n"),
            &none,
            "line 3, column bid: `nan` is not a finite number",
            "remove",
        ),
        (
            csv("time_ms,bid,ask\n1,1,inf\n"),
            &none,
            "column ask: `inf` is not a finite number",
            "remove",
        ),
        (csv("time_ms,bid,ask\n1,1,1e999\n"), &none, "not a finite number", "remove"),
        (
            csv("time_ms,bid,ask\n1,,2\n"),
            &none,
            "column bid: the cell is empty",
            "remove",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,1\n"),
            &none,
            "line 3: 2 fields where 3 are expected",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n2,1,2,3\n"),
            &none,
            "line 3: 4 fields where 3 are expected",
            "--columns",
        ),
        (
            csv("time_ms,bid,ask\n5,1,2\n4,1,2\n"),
            &none,
            "line 3: time goes backward",
            "--unsorted sort",
        ),
        (csv("time_ms,bid,ask\n1,\"1,2\n"), &none, "quotation mark", "correct"),
        (
            csv("time_ms,bid,ask\nx,1,2\n"),
            &none,
            "column time: `x` is not a time",
            "--time-format",
        ),
        (
            csv("time,bid,ask\n2014-05-01 12:00,1,2\n"),
            &none,
            "`2014-05-01 12:00` has no zone",
            "--tz",
        ),
        (
            csv("time,bid,ask\n01/02/2014 12:00,1,2\n"),
            &utc,
            "month/day/year or day/month/year",
            "--time-format",
        ),
        (
            csv("time,bid,ask\n2014050112,1,2\n"),
            &utc,
            "unix time in seconds or a date",
            "--time-format",
        ),
        (csv("time,bid,ask\n5,1,2\n"), &none, "unknown unit", "--time-format"),
        (
            csv("time,bid,ask\n99999999999999999999,1,2\n"),
            &unix,
            "outside 1677 to 2262",
            "unit",
        ),
        (
            csv("time,bid,ask\n1398902400000,1,2\n"),
            &|r| r.zone = "Asia/Tokyo".parse().ok(),
            "UTC by definition",
            "--tz",
        ),
        (
            csv("time,bid,ask\n2014-03-09 02:30,1,2\n"),
            &|r| r.zone = "America/New_York".parse().ok(),
            "does not exist",
            "--tz",
        ),
        (csv("1398902400000,1,2\n"), &none, "the first line is data", "--columns"),
        (csv("1398902400000,1\n"), &headerless, "2 fields where 3", "--columns"),
        (
            csv("1398902400000,1,2\n"),
            &typo,
            "unknown column name `bdi`",
            "did you mean `bid`?",
        ),
        (csv("when,bid,ask\n1,1,2\n"), &none, "no column for time", "--columns"),
        (
            csv("time,bid,ask,price\n1,1,2,3\n"),
            &none,
            "quotes as well as trades",
            "--kind",
        ),
        (csv("time_s,price,size,side\n1,1,1,up\n"), &none, "`up` is not a side", "buy"),
        (
            csv("time_s,price,size\n1,1,-1\n"),
            &none,
            "column size: -1 is negative",
            "order of the columns",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n120,1,2,1,2\n"),
            &none,
            "length is not stated",
            "--bar 1m",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,3\n"),
            &minutes,
            "line 2: impossible bar",
            "Bitfinex",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n60,1,2,1,1\n"),
            &minutes,
            "line 3: a second, different bar",
            "remove",
        ),
        (
            csv("time_s,open,high,low,close\n60,1,2,1,2\n90,1,2,1,1\n"),
            &minutes,
            "line 3: the bar at",
            "--bar 30s",
        ),
        (csv("{\"a\": 1}\n"), &none, "JSON", "convert"),
        (csv("<!DOCTYPE html>\n<p>404</p>\n"), &none, "web page", "fetch"),
        (
            Case::new().file("a.csv", b"time_ms,bid,ask\n1,1,2\n2,\xff,2\n"),
            &none,
            "line 3: not UTF-8",
            "iconv",
        ),
        (
            Case::new().file("a.csv", b"\xff\xfet\0i\0m\0e\0"),
            &none,
            "not UTF-8",
            "iconv",
        ),
        (csv(&"x".repeat(100_000)), &none, "a line is longer", "one row per line"),
        (
            Case::new().file("a.zip", "not a zip"),
            &none,
            "damaged or truncated zip",
            "fetch",
        ),
        (
            Case::new().file("a.gz", "not a gzip"),
            &none,
            "damaged or truncated gzip",
            "fetch",
        ),
        (
            Case::new().zip("a.zip", &[("b.zip", "x")]),
            &none,
            "an archive inside an archive",
            "unpack",
        ),
        (Case::new().zip("a.zip", &[]), &none, "no rows", "fetch"),
        (Case::new().file("notes.md", "x"), &none, "no market files", ".csv"),
        (
            csv("time_ms,bid,ask\n1,1,2\n"),
            &|r| r.paths = vec!["/none/x.csv".into()],
            "no such file",
            "check the path",
        ),
        (
            csv("time_ms,bid,ask\n1,1,2\n"),
            &|r| r.format = Some(Format::Lean(None)),
            "neither its name",
            "--columns",
        ),
    ];
    for (case, edit, message, hint) in cases {
        let text = case.error(edit);
        let (found, advice) = text.split_once(" | ").unwrap();
        assert!(found.contains(message), "expected `{message}` in `{text}`");
        assert!(advice.contains(hint), "expected `{hint}` in `{text}`");
    }
}
