-- An agent and a model have up to 500 characters of four bytes each, and the key of an index takes
-- 2,704 bytes in all. So from 64 bytes on it has a digest in place of the text: 64 digits, which no
-- shorter text is.
CREATE FUNCTION short_key(label TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN octet_length(label) < 64 THEN label
        -- To bytes by way of the one conversion that an index may rest on.
        ELSE encode(sha256(decode(replace(label, E'\\', E'\\\\'), 'escape')), 'hex')
    END
$$;

ALTER TABLE usage_total DROP CONSTRAINT usage_total_pkey;
CREATE UNIQUE INDEX usage_total_key ON usage_total
    (tenant, window_unit, window_start, meter, short_key(agent), short_key(model));

-- Whoever publishes all tables to a logical replica could update none without a primary key.
ALTER TABLE usage_total REPLICA IDENTITY FULL;
