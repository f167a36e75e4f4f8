//! Files, folders and patterns to a sorted list of files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::error::{ImportError, Place, Problem};
use super::request::SkippedFile;

/// Endings of the files that are looked at in a folder; a file named by itself may end in anything.
const ENDINGS: [&str; 11] = [
    "zip", "csv", "txt", "tsv", "gz", "parquet", "pq", "dat", "json", "jsonl", "bi5",
];

/// Every file meant by `paths`, each once, sorted; and the files of folders that are left alone.
pub(super) fn expand(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<SkippedFile>), ImportError> {
    let (mut files, mut skipped) = (BTreeSet::new(), Vec::new());
    for path in paths {
        let fail = |problem| ImportError::new(Place::file(path), problem);
        let found = if path.exists() {
            vec![path.clone()]
        } else if has_wildcard(path.as_os_str().to_string_lossy().as_ref()) {
            matching(path).map_err(|e| fail(Problem::Io(e)))?
        } else {
            return Err(fail(Problem::NoSuchPath));
        };
        let before = files.len();
        for entry in &found {
            if entry.is_dir() {
                walk(entry, &mut files, &mut skipped).map_err(|e| fail(Problem::Io(e)))?;
            } else {
                files.insert(entry.clone());
            }
        }
        let known = found
            .iter()
            .any(|entry| files.contains(entry) || files.iter().any(|file| file.starts_with(entry)));
        if files.len() == before && !known {
            return Err(fail(Problem::NoFiles));
        }
    }
    if files.is_empty() {
        let path = paths.first().cloned().unwrap_or_default();
        return Err(ImportError::new(Place::file(&path), Problem::NoFiles));
    }
    skipped.sort_by(|a, b| a.file.cmp(&b.file));
    skipped.dedup_by(|a, b| a.file == b.file);
    // `a.csv` and `./a.csv` are one file.
    let mut seen = BTreeSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok((files.into_iter().collect(), skipped))
}

fn walk(folder: &Path, files: &mut BTreeSet<PathBuf>, skipped: &mut Vec<SkippedFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        // A link to a folder could lead back here.
        if kind.is_dir() {
            walk(&path, files, skipped)?;
        } else if path.is_file() {
            let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
            if ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
                files.insert(path);
            } else {
                skipped.push(SkippedFile {
                    file: path.display().to_string(),
                    reason: "its name does not end like a market file",
                });
            }
        }
    }
    Ok(())
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Paths that match a pattern in any of its components.
fn matching(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let part = component.as_os_str().to_string_lossy().into_owned();
        if !matches!(component, Component::Normal(_)) || !has_wildcard(&part) {
            for path in &mut found {
                path.push(component);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            let listed = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder.as_path()
            };
            let Ok(entries) = fs::read_dir(listed) else { continue };
            for entry in entries {
                let name = entry?.file_name();
                let text = name.to_string_lossy();
                let hidden = text.starts_with('.') && !part.starts_with('.');
                if !hidden && wildcard_matches(part.as_bytes(), text.as_bytes()) {
                    next.push(folder.join(name));
                }
            }
        }
        found = next;
    }
    found.retain(|path| path.exists());
    found.sort();
    Ok(found)
}

/// `*` stands for any number of characters, `?` for one byte.
fn wildcard_matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.first(), name.first()) {
        (None, None) => true,
        (Some(b'*'), _) => wildcard_matches(&pattern[1..], name) || (!name.is_empty() && wildcard_matches(pattern, &name[1..])),
        (Some(b'?'), Some(_)) => wildcard_matches(&pattern[1..], &name[1..]),
        (Some(a), Some(b)) if a == b => wildcard_matches(&pattern[1..], &name[1..]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_folders_and_patterns_become_one_sorted_list() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for name in ["a/2.csv", "a/b/1.zip", "a/notes.md", "a/.hidden.csv", "3.txt"] {
            fs::write(root.join(name), "x").unwrap();
        }
        let names = |paths: &[&str]| {
            let (files, skipped) = expand(&paths.iter().map(|p| root.join(p)).collect::<Vec<_>>()).unwrap();
            let files: Vec<String> = files
                .iter()
                .map(|f| f.strip_prefix(root).unwrap().display().to_string())
                .collect();
            (files, skipped.len())
        };
        assert_eq!(names(&["."]), (vec!["3.txt".into(), "a/2.csv".into(), "a/b/1.zip".into()], 1));
        assert_eq!(
            names(&["a", "a/2.csv", "a/b/../2.csv"]),
            (vec!["a/2.csv".into(), "a/b/1.zip".into()], 1)
        );
        assert_eq!(names(&["a/*.csv", "?.txt"]).0, ["3.txt", "a/2.csv"]);
        assert_eq!(names(&["*/b"]).0, ["a/b/1.zip"]);
        for (path, known) in [("none.csv", false), ("*.xyz", true)] {
            let error = expand(&[root.join(path)]).unwrap_err();
            assert_eq!(matches!(*error.problem, Problem::NoFiles), known, "{path}");
        }
        fs::create_dir(root.join("empty")).unwrap();
        assert!(matches!(
            expand(&[root.join("empty")]).unwrap_err().problem.as_ref(),
            Problem::NoFiles
        ));
    }
}
