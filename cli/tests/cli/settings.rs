//! Flag, variable, project file, user file, defaults: the first that says something wins.

use crate::support::Lab;

fn homes_made(lab: &Lab) -> Vec<String> {
    let made = ["assay-data", "from-project", "from-user", "from-variable", "from-flag"];
    let exists = |name: &&&str| lab.path(name).join("catalog").exists();
    made.iter().filter(exists).map(ToString::to_string).collect()
}

#[test]
fn the_nearest_wish_wins() {
    let lab = Lab::new();
    lab.write("bars.csv", &crate::support::walk(10, 1));
    let import = ["data", "import", "bars.csv", "--symbol", "A", "--bar", "1m", "--tz", "UTC"];
    std::fs::create_dir_all(lab.path(".config/assay")).unwrap();
    lab.run(&import).ok();
    assert_eq!(homes_made(&lab), ["assay-data"]);
    let user_home = lab.path("from-user");
    lab.write(
        ".config/assay/config.toml",
        &format!("home = {:?}\n", user_home.display().to_string()),
    );
    lab.run(&import).ok();
    assert_eq!(homes_made(&lab), ["assay-data", "from-user"]);
    lab.write("assay.toml", "home = \"from-project\"\noutput = \"csv\"\n");
    assert!(lab.run(&import).ok().starts_with("symbol,kind,"));
    assert_eq!(homes_made(&lab), ["assay-data", "from-project", "from-user"]);
    let status = lab.command(&import).env("ASSAY_HOME", "from-variable").status().unwrap();
    assert!(status.success());
    assert_eq!(homes_made(&lab).len(), 4);
    let mut flagged = import.to_vec();
    flagged.extend(["--home", "from-flag"]);
    assert!(lab.command(&flagged).env("ASSAY_HOME", "nowhere").status().unwrap().success());
    assert!(homes_made(&lab).contains(&"from-flag".to_owned()) && !lab.path("nowhere").exists());

    // A folder below finds the project's file above it.
    std::fs::create_dir(lab.path("below")).unwrap();
    let below = lab.command(&["data", "ls"]).current_dir(lab.path("below")).output().unwrap();
    assert!(String::from_utf8(below.stdout).unwrap().contains("\nA,bars,1m,10,"));
}

#[test]
fn a_typing_error_in_a_settings_file_is_refused() {
    let lab = Lab::new();
    lab.write("assay.toml", "thread = 4\n");
    lab.run(&["data", "ls"])
        .fails(2, &["unknown key `thread`", "assay.toml", "did you mean `threads`?"]);
    lab.write("assay.toml", "threads = 0\n");
    let ran = lab.run(&["data", "ls"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("not a number of threads"), "{ran:?}");
}
