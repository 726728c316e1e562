//! What every store has to hold, tried on the one in memory, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod append;
mod bed;
mod fork;
mod index;
mod json_lines;
mod outage;
mod read;
mod recent;
mod sql;

/// Runs cases, functions over a [`bed::Bed`], on each kind of store.
macro_rules! on_every_store {
    ($($module:ident::$case:ident,)+) => {
        mod in_memory { $(#[test] fn $case() { crate::$module::$case(&crate::bed::in_memory()) })+ }
        mod on_sqlite { $(#[test] fn $case() { crate::$module::$case(&crate::bed::on_sqlite()) })+ }
        mod on_postgres { $(#[test] fn $case() { crate::$module::$case(&crate::bed::on_postgres()) })+ }
    };
}

/// Runs cases that reach past the journal, into the database under it.
macro_rules! on_every_database {
    ($($module:ident::$case:ident,)+) => {
        mod in_sqlite { $(#[test] fn $case() { crate::$module::$case(&crate::bed::on_sqlite()) })+ }
        mod in_postgres { $(#[test] fn $case() { crate::$module::$case(&crate::bed::on_postgres()) })+ }
    };
}

on_every_store! {
    append::an_empty_journal_has_the_genesis_head,
    append::positions_are_gapless_and_the_head_follows,
    append::the_same_events_give_the_same_root_in_every_store,
    append::a_large_commit_is_several_rows_of_bounded_size,
    append::rows_of_one_append_are_all_there_or_none,
    append::an_event_too_large_writes_nothing,
    append::events_out_of_order_write_nothing,
    append::appending_nothing_changes_nothing,
    append::a_journal_opened_again_goes_on_where_it_was,
    fork::a_row_that_does_not_follow_the_head_is_refused,
    fork::a_forced_second_writer_is_refused_by_the_store,
    fork::a_second_writer_is_told_who_holds_the_lease,
    fork::a_second_writer_waits_for_the_lease,
    read::pages_begin_and_end_anywhere,
    read::rows_are_found_by_the_positions_they_hold,
    read::single_events_are_read_without_the_rest,
    read::the_last_event_of_a_moment_is_found,
    read::stored_pages_keep_the_exact_text,
    index::every_stream_and_key_is_found_before_and_after_sealing,
    index::saved_segments_equal_a_fresh_rebuild,
    index::saved_segments_are_what_the_journal_gives,
    index::every_snapshot_is_handed_out,
    index::streams_of_any_name_are_found_in_saved_segments,
    index::a_segment_may_stay_unsaved,
    index::keys_outside_the_window_are_forgotten,
    index::the_newest_snapshot_at_or_below_a_version_is_found,
    json_lines::the_form_is_as_it_is_written_down,
    json_lines::an_import_restores_every_row_to_the_byte,
    json_lines::an_empty_journal_is_restored_too,
    json_lines::an_import_goes_on_where_it_broke_off,
    json_lines::the_beginning_of_a_book_is_there_already,
    json_lines::another_book_is_refused_and_left_as_it_was,
    json_lines::an_import_waits_for_no_running_writer,
    json_lines::a_line_that_does_not_hold_stops_the_import_there,
    json_lines::what_is_appended_during_an_export_is_left_out,
}

on_every_database! {
    sql::changes_and_deletions_are_refused,
    sql::events_are_readable_with_plain_sql,
    sql::deleted_caches_are_rebuilt,
    sql::a_wrong_cache_is_rebuilt,
    sql::a_changed_segment_is_found,
    sql::a_changed_event_stops_the_journal_from_opening,
    json_lines::what_does_not_hold_is_named_and_not_written,
}
