//! The files of the workspace: sources of all members, their manifests, and the documents beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::source::SourceFile;

/// A member of the workspace: its folder and the names it depends on.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) folder: String,
    /// `[dependencies]` and `[build-dependencies]`, also those of a target.
    pub(crate) dependencies: Vec<String>,
    /// `[dev-dependencies]`.
    pub(crate) test_dependencies: Vec<String>,
}

/// Everything that the rules look at.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) crates: Vec<Manifest>,
    pub(crate) files: Vec<SourceFile>,
    /// Names of the folders in `e2e/cases`.
    pub(crate) cases: BTreeSet<String>,
    /// Markdown files at the top and in `docs`, by path.
    pub(crate) documents: BTreeMap<String, String>,
}

impl Workspace {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut workspace = Self::default();
        for folder in members(&read(&root.join("Cargo.toml"))?)? {
            workspace.crates.push(Manifest::parse(&folder, &read(&root.join(&folder).join("Cargo.toml"))?)?);
            read_sources(root, &folder, &mut workspace.files)?;
        }
        for folder in ["", "docs/"] {
            for entry in fs::read_dir(root.join(folder))? {
                let path = format!("{folder}{}", entry?.file_name().to_string_lossy());
                if path.ends_with(".md") {
                    workspace.documents.insert(path.clone(), read(&root.join(path))?);
                }
            }
        }
        for entry in fs::read_dir(root.join("e2e/cases"))? {
            workspace.cases.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(workspace)
    }
}

impl Manifest {
    pub(crate) fn parse(folder: &str, text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().with_context(|| format!("{folder}/Cargo.toml"))?;
        let mut manifest = Self { folder: folder.to_owned(), ..Self::default() };
        manifest.add(&table);
        for target in table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values) {
            target.as_table().into_iter().for_each(|table| manifest.add(table));
        }
        Ok(manifest)
    }

    fn add(&mut self, table: &toml::Table) {
        let names = |key: &str| {
            let section = table.get(key).and_then(toml::Value::as_table);
            section.into_iter().flat_map(toml::Table::keys).cloned().collect::<Vec<_>>()
        };
        self.dependencies.extend(names("dependencies"));
        self.dependencies.extend(names("build-dependencies"));
        self.test_dependencies.extend(names("dev-dependencies"));
    }
}

fn members(manifest: &str) -> Result<Vec<String>> {
    let table: toml::Table = manifest.parse()?;
    let members = table.get("workspace").and_then(|workspace| workspace.get("members"));
    let members = members.and_then(toml::Value::as_array).context("Cargo.toml has no [workspace] members")?;
    Ok(members.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

/// All `.rs` files below a folder, by paths relative to the root.
fn read_sources(root: &Path, folder: &str, files: &mut Vec<SourceFile>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            if !path.ends_with("/target") {
                read_sources(root, &path, files)?;
            }
        } else if path.ends_with(".rs") {
            files.push(SourceFile::new(&path, read(&root.join(&path))?));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_manifest_gives_its_dependencies() {
        let text = "[package]\nname = \"a\"\n[dependencies]\nb.workspace = true\nc = { version = \"1\" }\n\
                    [build-dependencies]\nd = \"1\"\n[dev-dependencies]\ne = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nf = \"1\"\n";
        let manifest = Manifest::parse("a", text).expect("a manifest");
        assert_eq!(manifest.dependencies, ["b", "c", "d", "f"]);
        assert_eq!(manifest.test_dependencies, ["e"]);
    }

    #[test]
    fn members_are_listed() {
        assert_eq!(members("[workspace]\nmembers = [\"a\", \"b\"]").expect("a manifest"), ["a", "b"]);
        assert!(members("[package]").is_err());
    }
}
