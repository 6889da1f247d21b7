-- The deriver asks of one log at a time whether its epoch was reviewed; with NOT IN it read all reviews each time.

CREATE OR REPLACE VIEW unreviewed_epoch AS
SELECT journal_id, agent_id
FROM (SELECT journal_id FROM epoch_begun UNION SELECT journal_id FROM genesis_misfit) noted JOIN journal USING (journal_id)
WHERE NOT EXISTS (SELECT FROM epoch_review r WHERE r.journal_id = noted.journal_id);
