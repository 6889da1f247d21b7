-- Entries as they were received, and what proves it.

-- name: find_batch_of_entry
-- The stored batch that holds an entry: whose journal, where it begins, its receipt, when it came.
SELECT j.journal_id, j.agent_id, b.first, b.size, b.entries, b.receipt, b.received_at
FROM journal j JOIN batch b USING (journal_id)
WHERE j.origin = %(origin)s AND b.first <= %(entry_index)s AND b.size > %(entry_index)s
ORDER BY b.first DESC LIMIT 1;

-- name: list_bundles_before
-- The stored entries of a journal up to a size, in order.
SELECT first, size, entries FROM batch WHERE journal_id = %(journal_id)s AND first < %(size)s ORDER BY first;

-- name: is_agent_in_scope
-- Whether an agent measures an instrument of a scope on a day.
SELECT agent_in_scope(%(agent_id)s, %(scope_kind)s, %(scope_name)s, %(day)s);
