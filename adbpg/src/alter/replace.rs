//! A table whose rows are written anew: a new one is filled beside it and takes its place, so that readers have the old one
//! until the end (ADR 0021).
//!
//! The new table begins as an empty copy of the old one's definition, goes through the same statements as a table that is
//! changed where it is, and is filled with casts that are checked on every row. Writers are locked out by then
//! ([`super::Lock::Writers`]), so what is read is all there is. All is one transaction: others see the old table or the new
//! one. Only the last statements lock readers out; the lock is asked for with short patience, again and again, so that
//! readers who come meanwhile do not queue behind one that takes long.

use millrace_model::schema::TableName;
use millrace_model::{Column, PgType};

use super::columns::{self, Rows, start_of};
use super::uncastable::Casts;
use super::{Difference, indexes, no_cast, render_comments, render_rename};
use crate::cast::{TypeChange, type_change};
use crate::ddl::{LeftOut, column_default, key_constraints, render_analyze, render_names};
use crate::dialect::Dialect;
use crate::error::AdbpgError;
use crate::ident::{Ident, QualifiedName, literal};

/// How often the lock against readers is asked for, for half a second each time.
const ATTEMPTS: u32 = 60;

/// The statements; the table has the name that it had before at their end.
pub(super) fn render(
    dialect: &Dialect,
    difference: &Difference<'_>,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<String>, AdbpgError> {
    let Difference { before, after, .. } = *difference;
    let name = TableName::new(before.name.database.clone(), format!("millrace_new_{}", before.table_id));
    let (old, new) = (QualifiedName::new(&before.name)?, QualifiedName::new(&name)?);
    let indexes = indexes::Changes::of(dialect, difference, left_out)?;
    let mut statements = vec![format!("CREATE TABLE {new} (LIKE {old} INCLUDING ALL EXCLUDING INDEXES)")];
    statements.extend(columns::render(difference, &new, Rows::None, left_out)?);
    statements.push(render_fill(difference, &old, &new)?);
    for (words, columns) in key_constraints(dialect, after, left_out) {
        statements.push(format!("ALTER TABLE {new} ADD {words} ({})", render_names(after, columns)?));
    }
    statements.extend(indexes.render_anew(&name)?);
    // Otherwise queries are planned as if it were small until somebody looks at it.
    statements.push(render_analyze(&name)?);
    statements.push(render_inheritance(&old, &new)?);
    statements.extend(render_comments(difference, &new)?);
    statements.push(render_swap(&old, &new)?);
    statements.extend(render_rename(after, &name, &before.name)?);
    Ok(statements)
}

/// Every row, cast; columns that come begin as they do in a table that is changed where it is.
fn render_fill(difference: &Difference<'_>, old: &QualifiedName, new: &QualifiedName) -> Result<String, AdbpgError> {
    let (mut names, mut values, mut cast) = (Vec::new(), Vec::new(), Vec::new());
    for (from, to) in difference.continued() {
        let change = type_change(&from.ty, &to.ty).ok_or_else(|| no_cast(difference, from, to))?;
        names.push(Ident::new(&to.name)?.to_string());
        values.push(change.expression(&Ident::new(&from.name)?.to_string()));
        if let TypeChange::Cast(_) = change {
            cast.push((&*from.name, from, to));
        }
    }
    for column in difference.added() {
        if let Some(start) = start(difference, column)? {
            names.push(Ident::new(&column.name)?.to_string());
            values.push(start);
        }
    }
    let statement = format!("INSERT INTO {new} ({}) SELECT {} FROM {old}", names.join(", "), values.join(", "));
    let key = difference.before.key.iter().map(|&place| &*difference.before.columns[place].name).collect();
    Casts { difference, table: old, key, columns: cast }.render_or_name_keys(&statement)
}

fn start(difference: &Difference<'_>, column: &Column<PgType>) -> Result<Option<String>, AdbpgError> {
    let default = column_default(difference.after, column, &mut Vec::new())?;
    Ok(start_of(column, default.as_deref()))
}

/// The new table gets the old one's comment and rights, instead of those that new tables get by default.
fn render_inheritance(old: &QualifiedName, new: &QualifiedName) -> Result<String, AdbpgError> {
    let (old_text, new_text) = (literal(&old.to_string())?, literal(&new.to_string())?);
    let rights = |table: &str| {
        format!(
            "SELECT a.privilege_type AS privilege, a.is_grantable, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE \
             quote_ident(pg_get_userbyid(a.grantee)) END AS grantee FROM pg_class AS c, \
             aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS a WHERE c.oid = {table}::regclass"
        )
    };
    let (given, kept) = (rights(&new_text), rights(&old_text));
    let block = format!(
        "DECLARE found record; BEGIN \
         IF EXISTS (SELECT 1 FROM pg_class WHERE oid IN ({old_text}::regclass, {new_text}::regclass) AND relacl IS NOT NULL) THEN \
         FOR found IN {given} LOOP EXECUTE format('REVOKE ALL ON %s FROM %s', {new_text}, found.grantee); END LOOP; \
         FOR found IN {kept} LOOP EXECUTE format('GRANT %s ON %s TO %s%s', found.privilege, {new_text}, found.grantee, \
         CASE WHEN found.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END); END LOOP; END IF; \
         EXECUTE format('COMMENT ON TABLE %s IS %L', {new_text}, obj_description({old_text}::regclass, 'pg_class')); END"
    );
    Ok(format!("DO {}", literal(&block)?))
}

/// Locks readers out and drops the old table; the keys of the new one get the names of the old one's.
fn render_swap(old: &QualifiedName, new: &QualifiedName) -> Result<String, AdbpgError> {
    let (old_text, new_text) = (literal(&old.to_string())?, literal(&new.to_string())?);
    let block = format!(
        "DECLARE attempts integer := 0; patience text := current_setting('lock_timeout'); renames text[]; rename_one text; \
         BEGIN LOOP BEGIN SET LOCAL lock_timeout TO '500ms'; LOCK TABLE {old} IN ACCESS EXCLUSIVE MODE; EXIT; \
         EXCEPTION WHEN lock_not_available THEN attempts := attempts + 1; IF attempts = {ATTEMPTS} THEN RAISE; END IF; \
         PERFORM pg_sleep(0.5); END; END LOOP; PERFORM set_config('lock_timeout', patience, true); \
         SELECT array_agg(format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', {new_text}, n.conname, o.conname)) INTO renames \
         FROM pg_constraint AS o JOIN pg_constraint AS n ON n.contype = o.contype \
         WHERE o.conrelid = {old_text}::regclass AND n.conrelid = {new_text}::regclass AND o.contype IN ('p', 'u'); \
         DROP TABLE {old}; \
         FOREACH rename_one IN ARRAY coalesce(renames, '{{}}') LOOP EXECUTE rename_one; END LOOP; END"
    );
    Ok(format!("DO {}", literal(&block)?))
}
