-- The password of alice: r5Qj8L5gob4NGVIWAqo-BCWi
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE FUNCTION public.catalog_content_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes + coalesce((SELECT b.size_bytes FROM blobs b WHERE b.digest = NEW.digest), 0)
   WHERE repository_id = NEW.repository_id;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_content_removed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_entries SET size_bytes = size_bytes - coalesce((SELECT b.size_bytes FROM blobs b WHERE b.digest = OLD.digest), 0)
   WHERE repository_id = OLD.repository_id;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_entry_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO catalog_namespaces (namespace, repositories) VALUES (NEW.namespace, 1)
    ON CONFLICT (namespace) DO UPDATE SET repositories = catalog_namespaces.repositories + 1;
  ELSE
    UPDATE catalog_namespaces SET repositories = repositories - 1 WHERE namespace = OLD.namespace;
    DELETE FROM catalog_namespaces WHERE namespace = OLD.namespace AND repositories <= 0;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_manifest_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO catalog_images (repository_id, digest, pulled_at) VALUES (NEW.repository_id, NEW.digest, coalesce(
    (SELECT p.pulled_at FROM manifest_pulls p WHERE p.repository_id = NEW.repository_id AND p.digest = NEW.digest), 0));
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_manifest_pushed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_entries SET pushed_at = greatest(pushed_at, NEW.pushed_at) WHERE repository_id = NEW.repository_id;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_mirrored_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_entries SET is_mirrored = 1 WHERE repository_id = NEW.repository_id;
  ELSE
    UPDATE catalog_entries SET is_mirrored = 0 WHERE repository_id = OLD.repository_id;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_part_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND is_partial = 1 AND digest IN
    (SELECT r.manifest FROM manifest_references r WHERE r.repository_id = NEW.repository_id AND r.digest = NEW.digest);
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_pull_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_entries SET pulled_at = greatest(pulled_at, NEW.pulled_at) WHERE repository_id = NEW.repository_id;
  UPDATE catalog_images SET pulled_at = NEW.pulled_at WHERE repository_id = NEW.repository_id AND digest = NEW.digest;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_referrer_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND digest = NEW.subject;
  ELSE
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id AND digest = OLD.subject;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_repository_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  INSERT INTO catalog_entries (repository_id, name, natural_name, namespace, stars, description)
  VALUES (NEW.id, NEW.name, natural_name(NEW.name), substr(NEW.name, 1, greatest(strpos(NEW.name, '/') - 1, 0)),
    (SELECT count(*) FROM stars s WHERE s.repository = NEW.name),
    coalesce((SELECT x.description FROM repository_texts x WHERE x.repository = NEW.name), ''));
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_star_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    UPDATE catalog_entries SET stars = stars + 1 WHERE name = NEW.repository;
  ELSE
    UPDATE catalog_entries SET stars = stars - 1 WHERE name = OLD.repository;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_tag_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
  is_listed BOOLEAN := natural_name(coalesce(NEW.name, OLD.name)) IS NOT NULL;
  affected TEXT;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF is_listed THEN
      UPDATE catalog_entries SET tags = tags - 1 WHERE repository_id = OLD.repository_id;
      UPDATE catalog_entries SET (latest_digest, latest_at) = (
        SELECT max(t.digest), coalesce(max(t.updated_at), 0) FROM (SELECT x.digest, x.updated_at FROM tags x
          WHERE x.repository_id = OLD.repository_id AND x.natural_name IS NOT NULL
          ORDER BY x.updated_at DESC, x.name DESC LIMIT 1) t)
       WHERE repository_id = OLD.repository_id AND latest_digest = OLD.digest AND latest_at = OLD.updated_at;
      SELECT e.latest_digest INTO affected FROM catalog_entries e WHERE e.repository_id = OLD.repository_id;
    ELSE
      affected := 'sha256:' || substr(OLD.name, 8, 64);
    END IF;
    UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = OLD.repository_id AND digest = affected;
    RETURN NULL;
  END IF;
  UPDATE catalog_entries SET pushed_at = greatest(pushed_at, NEW.updated_at) WHERE repository_id = NEW.repository_id;
  IF is_listed THEN
    IF TG_OP = 'INSERT' THEN
      UPDATE catalog_entries SET tags = tags + 1 WHERE repository_id = NEW.repository_id;
    END IF;
    UPDATE catalog_entries SET latest_digest = NEW.digest, latest_at = NEW.updated_at
     WHERE repository_id = NEW.repository_id AND latest_at <= NEW.updated_at;
    affected := NEW.digest;
  ELSE
    affected := 'sha256:' || substr(NEW.name, 8, 64);
  END IF;
  UPDATE catalog_images SET changes = changes + 1 WHERE repository_id = NEW.repository_id AND digest = affected;
  RETURN NULL;
END $$;
CREATE FUNCTION public.catalog_tag_named() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  NEW.natural_name := natural_name(NEW.name);
  RETURN NEW;
END $$;
CREATE FUNCTION public.catalog_text_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE catalog_entries SET description = NEW.description WHERE name = NEW.repository;
  RETURN NULL;
END $$;
CREATE FUNCTION public.mirrored_content_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE mirrored_size SET content_bytes = content_bytes - OLD.size_bytes,
      protected_bytes = protected_bytes - OLD.size_bytes * OLD.is_protected WHERE id = 1;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE mirrored_size SET content_bytes = content_bytes + NEW.size_bytes,
      protected_bytes = protected_bytes + NEW.size_bytes * NEW.is_protected WHERE id = 1;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.mirrored_transits_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  UPDATE mirrored_size SET transit_bytes = transit_bytes
    + CASE WHEN TG_OP = 'INSERT' THEN NEW.size_bytes ELSE -OLD.size_bytes END WHERE id = 1;
  RETURN NULL;
END $$;
CREATE FUNCTION public.natural_name(name text) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT CASE WHEN name LIKE 'sha___-%' AND length(name) >= 71 THEN NULL ELSE (
    SELECT string_agg(CASE WHEN part[1] ~ '^[0-9]' THEN lpad(length(ltrim(part[1], '0'))::text, 3, '0') || ltrim(part[1], '0')
                           ELSE part[1] END, '' ORDER BY number)
      FROM regexp_matches(name, '[0-9]+|[^0-9]+', 'g') WITH ORDINALITY AS parts (part, number)) END
$$;
CREATE FUNCTION public.quota_content_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    UPDATE quotas SET used_bytes = used_bytes - OLD.size_bytes WHERE id = OLD.quota_id;
  ELSE
    UPDATE quotas SET used_bytes = used_bytes + NEW.size_bytes WHERE id = NEW.quota_id;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.quota_mirrored_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM quota_members) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    -- A mirrored repository became a pushed one: its content begins to count. Nothing of it was counted before.
    UPDATE quotas SET uncounted = uncounted + 1 WHERE id IN
      (SELECT m.quota_id FROM repositories r JOIN quota_members m ON m.repository = r.name
        WHERE r.id = OLD.repository_id AND m.counted_to = '~' AND m.tags_counted_to = '~');
    UPDATE quota_members SET counted_to = '', tags_counted_to = ''
     WHERE repository = (SELECT name FROM repositories WHERE id = OLD.repository_id);
  ELSE
    -- A pushed repository became a mirrored one.
    UPDATE quota_state SET is_stale = 1 WHERE EXISTS
      (SELECT 1 FROM repositories r JOIN quota_members m ON m.repository = r.name WHERE r.id = NEW.repository_id);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.quota_tag_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM quota_members) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    UPDATE quotas SET tags = tags - 1 WHERE id IN
      (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.tags_counted_to >= OLD.name);
  ELSE
    UPDATE quotas SET tags = tags + 1 WHERE id IN
      (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = NEW.repository_id AND c.tags_counted_to >= NEW.name);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.quota_upload_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    UPDATE quotas SET reserved_bytes = reserved_bytes - OLD.reserved_bytes
     WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = OLD.repository);
  ELSIF TG_OP = 'INSERT' THEN
    UPDATE quotas SET reserved_bytes = reserved_bytes + NEW.reserved_bytes
     WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = NEW.repository);
  ELSE
    UPDATE quotas SET reserved_bytes = reserved_bytes + NEW.reserved_bytes - OLD.reserved_bytes
     WHERE id IN (SELECT quota_id FROM quota_members WHERE repository = NEW.repository);
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.quota_use_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM quota_members) THEN
    RETURN NULL;
  END IF;
  IF TG_OP = 'DELETE' THEN
    UPDATE quota_contents SET uses = uses - 1 WHERE digest = OLD.digest AND quota_id IN
      (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id AND c.counted_to >= OLD.digest);
    DELETE FROM quota_contents WHERE digest = OLD.digest AND uses = 0 AND quota_id IN
      (SELECT c.quota_id FROM quota_counters c WHERE c.repository_id = OLD.repository_id);
  ELSE
    INSERT INTO quota_contents (quota_id, digest, size_bytes, uses)
    SELECT c.quota_id, b.digest, b.size_bytes, 1 FROM quota_counters c JOIN blobs b ON b.digest = NEW.digest
     WHERE c.repository_id = NEW.repository_id AND c.counted_to >= NEW.digest
    ON CONFLICT (quota_id, digest) DO UPDATE SET uses = quota_contents.uses + 1;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.repository_usage_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO namespace_usage (namespace, repositories, contents, bytes, own_bytes, held_bytes, cache_bytes, trash_bytes,
        garbage_bytes, untagged_manifests, untagged_bytes)
    VALUES (NEW.namespace, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ('', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    ON CONFLICT (namespace) DO NOTHING;
    UPDATE namespace_usage SET repositories = repositories + 1,
      contents = contents + NEW.contents,
      bytes = bytes + NEW.bytes,
      own_bytes = own_bytes + NEW.own_bytes,
      held_bytes = held_bytes + NEW.held_bytes,
      cache_bytes = cache_bytes + NEW.cache_bytes,
      trash_bytes = trash_bytes + NEW.trash_bytes,
      garbage_bytes = garbage_bytes + NEW.garbage_bytes,
      untagged_manifests = untagged_manifests + NEW.untagged_manifests,
      untagged_bytes = untagged_bytes + NEW.untagged_bytes
     WHERE namespace IN (NEW.namespace, '');
  ELSE
    UPDATE namespace_usage SET repositories = repositories - 1,
      contents = contents - OLD.contents,
      bytes = bytes - OLD.bytes,
      own_bytes = own_bytes - OLD.own_bytes,
      held_bytes = held_bytes - OLD.held_bytes,
      cache_bytes = cache_bytes - OLD.cache_bytes,
      trash_bytes = trash_bytes - OLD.trash_bytes,
      garbage_bytes = garbage_bytes - OLD.garbage_bytes,
      untagged_manifests = untagged_manifests - OLD.untagged_manifests,
      untagged_bytes = untagged_bytes - OLD.untagged_bytes
     WHERE namespace IN (OLD.namespace, '');
    DELETE FROM namespace_usage WHERE namespace = OLD.namespace AND repositories = 0;
  END IF;
  RETURN NULL;
END $$;
CREATE FUNCTION public.search_entry_added() RETURNS trigger
    LANGUAGE plpgsql
    AS $_$
BEGIN
  NEW.base_name := substring(NEW.name from '[^/]*$');
  RETURN NEW;
END $_$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.access_epoch (
    id integer NOT NULL,
    epoch bigint NOT NULL,
    CONSTRAINT access_epoch_id_check CHECK ((id = 1))
);
CREATE TABLE public.access_tokens (
    id text NOT NULL,
    kind text NOT NULL,
    account_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    secret_hash text NOT NULL,
    scopes text,
    created_at bigint NOT NULL,
    expires_at bigint,
    last_used_at bigint,
    CONSTRAINT access_tokens_kind_check CHECK ((kind = ANY (ARRAY['personal'::text, 'robot'::text, 'refresh'::text, 'session'::text])))
);
CREATE TABLE public.accounts (
    id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    password_hash text,
    is_admin integer DEFAULT 0 NOT NULL,
    is_disabled integer DEFAULT 0 NOT NULL,
    expires_at bigint,
    generation bigint DEFAULT 0 NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT accounts_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'robot'::text])))
);
ALTER TABLE public.accounts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.accounts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.adopted_links (
    path text NOT NULL COLLATE pg_catalog."C",
    modified_at bigint NOT NULL,
    size_bytes bigint NOT NULL,
    digest text COLLATE pg_catalog."C"
);
CREATE TABLE public.adoption (
    id integer NOT NULL,
    started_at bigint NOT NULL,
    run_at bigint NOT NULL,
    ended_at bigint,
    finished_at bigint,
    CONSTRAINT adoption_id_check CHECK ((id = 1))
);
CREATE TABLE public.adoption_oddities (
    path text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL COLLATE pg_catalog."C",
    detail text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.adoption_shards (
    name text NOT NULL COLLATE pg_catalog."C",
    "position" text NOT NULL COLLATE pg_catalog."C",
    is_done bigint NOT NULL,
    blobs bigint NOT NULL,
    bytes bigint NOT NULL,
    layers bigint NOT NULL,
    manifests bigint NOT NULL,
    tags bigint NOT NULL
);
CREATE TABLE public.archives (
    id text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL,
    repository text NOT NULL,
    started_at bigint NOT NULL,
    plan text NOT NULL,
    file_name text DEFAULT ''::text NOT NULL
);
CREATE TABLE public.events (
    id bigint NOT NULL,
    at bigint NOT NULL,
    actor text NOT NULL,
    address text NOT NULL,
    kind text NOT NULL,
    target text NOT NULL,
    result text NOT NULL,
    detail text,
    repository text,
    tag text,
    digest text,
    previous text,
    request_id text
);
CREATE VIEW public.audit_events AS
 SELECT events.id,
    events.at,
    events.actor,
    events.address,
    events.kind AS action,
    events.target,
    events.result,
    events.detail
   FROM public.events;
ALTER TABLE public.events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.audit_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backups (
    name text NOT NULL COLLATE pg_catalog."C",
    began_at bigint NOT NULL,
    ended_at bigint
);
CREATE TABLE public.blobs (
    digest text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    created_at bigint NOT NULL,
    unreferenced_since bigint,
    checked_at bigint DEFAULT 0 NOT NULL,
    stored_times bigint DEFAULT 1 NOT NULL
);
CREATE TABLE public.catalog_entries (
    repository_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    natural_name text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C",
    namespace text NOT NULL COLLATE pg_catalog."C",
    is_mirrored bigint DEFAULT 0 NOT NULL,
    tags bigint DEFAULT 0 NOT NULL,
    size_bytes bigint DEFAULT 0 NOT NULL,
    pushed_at bigint DEFAULT 0 NOT NULL,
    pulled_at bigint DEFAULT 0 NOT NULL,
    stars bigint DEFAULT 0 NOT NULL,
    latest_digest text COLLATE pg_catalog."C",
    latest_at bigint DEFAULT 0 NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    kind text DEFAULT ''::text NOT NULL,
    platforms text DEFAULT ''::text NOT NULL,
    is_signed bigint DEFAULT 0 NOT NULL,
    base_name text DEFAULT ''::text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.catalog_images (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    pulled_at bigint DEFAULT 0 NOT NULL,
    download_bytes bigint DEFAULT 0 NOT NULL,
    kind text DEFAULT ''::text NOT NULL,
    platforms text DEFAULT '[]'::text NOT NULL,
    labels text DEFAULT '{}'::text NOT NULL,
    is_signed bigint DEFAULT 0 NOT NULL,
    has_sbom bigint DEFAULT 0 NOT NULL,
    is_partial bigint DEFAULT 0 NOT NULL,
    changes bigint DEFAULT 1 NOT NULL,
    described bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.catalog_namespaces (
    namespace text NOT NULL COLLATE pg_catalog."C",
    repositories bigint NOT NULL
);
CREATE TABLE public.claims (
    digest text NOT NULL COLLATE pg_catalog."C",
    claimant text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.client_checks (
    code text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    expires_at bigint NOT NULL,
    used_at bigint,
    client text,
    address text,
    upstream text
);
CREATE TABLE public.collection (
    id bigint NOT NULL,
    delay_ms bigint NOT NULL,
    untagged_ms bigint,
    paused_at bigint,
    audit_part text NOT NULL,
    audit_repository bigint NOT NULL,
    audit_digest text NOT NULL COLLATE pg_catalog."C",
    audited_at bigint,
    purged_at bigint,
    purged_blobs bigint DEFAULT 0 NOT NULL,
    purged_bytes bigint DEFAULT 0 NOT NULL,
    CONSTRAINT collection_id_check CHECK ((id = 1))
);
CREATE TABLE public.collection_blocks (
    reason text NOT NULL COLLATE pg_catalog."C",
    since bigint NOT NULL
);
CREATE TABLE public.corrupt_content (
    digest text NOT NULL COLLATE pg_catalog."C",
    problem text NOT NULL COLLATE pg_catalog."C",
    found_at bigint NOT NULL,
    checked_at bigint NOT NULL,
    repair_error text COLLATE pg_catalog."C"
);
CREATE TABLE public.event_cursors (
    consumer text NOT NULL,
    "position" bigint NOT NULL
);
CREATE TABLE public.grants (
    id bigint NOT NULL,
    subject text NOT NULL,
    pattern text NOT NULL COLLATE pg_catalog."C",
    actions text NOT NULL,
    created_at bigint NOT NULL
);
ALTER TABLE public.grants ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.grants_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.holds (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL,
    actor text NOT NULL,
    created_at bigint NOT NULL,
    until bigint
);
CREATE TABLE public.job_runs (
    name text NOT NULL COLLATE pg_catalog."C",
    ended_at bigint NOT NULL,
    milliseconds bigint NOT NULL,
    failed_at bigint,
    error text NOT NULL
);
CREATE TABLE public.jobs (
    id text NOT NULL COLLATE pg_catalog."C",
    kind text NOT NULL,
    owner text NOT NULL,
    subject text NOT NULL,
    unit text NOT NULL,
    state text NOT NULL,
    done bigint NOT NULL,
    total bigint,
    message text NOT NULL,
    result text NOT NULL,
    started_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    ended_at bigint,
    cancelled_at bigint
);
CREATE TABLE public.leases (
    name text NOT NULL COLLATE pg_catalog."C",
    holder text NOT NULL,
    held_until bigint NOT NULL,
    note text COLLATE pg_catalog."C",
    wanted integer DEFAULT 0 NOT NULL
);
CREATE TABLE public.links (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE TABLE public.maintenance_mode (
    id bigint NOT NULL,
    reason text NOT NULL,
    since bigint NOT NULL,
    actor text NOT NULL,
    CONSTRAINT maintenance_mode_id_check CHECK ((id = 1))
);
CREATE TABLE public.manifest_pulls (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    pulled_at bigint NOT NULL
);
CREATE TABLE public.manifest_references (
    repository_id bigint NOT NULL,
    manifest text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.manifests (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    artifact_type text,
    subject text COLLATE pg_catalog."C",
    annotations text,
    pushed_at bigint NOT NULL
);
CREATE TABLE public.mirror_processes (
    id text NOT NULL COLLATE pg_catalog."C",
    updated_at bigint NOT NULL,
    state text NOT NULL
);
CREATE TABLE public.mirror_traffic (
    upstream text NOT NULL COLLATE pg_catalog."C",
    hour bigint NOT NULL,
    requests bigint NOT NULL,
    hits bigint NOT NULL,
    failures bigint NOT NULL,
    served_bytes bigint NOT NULL,
    fetched_bytes bigint NOT NULL,
    saved_bytes bigint NOT NULL
);
CREATE TABLE public.mirrored_content (
    digest text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    used_at bigint NOT NULL,
    is_protected bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.mirrored_listings (
    repository text NOT NULL COLLATE pg_catalog."C",
    path text NOT NULL COLLATE pg_catalog."C",
    document text NOT NULL,
    next text,
    fetched_at bigint NOT NULL
);
CREATE TABLE public.mirrored_pins (
    image text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    pinned_at bigint NOT NULL
);
CREATE TABLE public.mirrored_promises (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL
);
CREATE TABLE public.mirrored_refusals (
    digest text NOT NULL COLLATE pg_catalog."C",
    refused_at bigint NOT NULL
);
CREATE TABLE public.mirrored_repositories (
    repository_id bigint NOT NULL,
    upstream text NOT NULL COLLATE pg_catalog."C",
    by_login integer DEFAULT 1 NOT NULL,
    is_public integer,
    checked_at bigint DEFAULT 0 NOT NULL,
    proof text COLLATE pg_catalog."C"
);
CREATE TABLE public.mirrored_size (
    id bigint NOT NULL,
    content_bytes bigint NOT NULL,
    protected_bytes bigint NOT NULL,
    transit_bytes bigint NOT NULL,
    CONSTRAINT mirrored_size_id_check CHECK ((id = 1))
);
CREATE TABLE public.mirrored_tags (
    repository_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    media_type text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    checked_at bigint NOT NULL,
    missing_since bigint
);
CREATE TABLE public.mirrored_transits (
    digest text NOT NULL COLLATE pg_catalog."C",
    is_leaving bigint NOT NULL,
    size_bytes bigint NOT NULL,
    since bigint NOT NULL
);
CREATE TABLE public.namespace_usage (
    namespace text NOT NULL COLLATE pg_catalog."C",
    repositories bigint NOT NULL,
    contents bigint NOT NULL,
    bytes bigint NOT NULL,
    own_bytes bigint NOT NULL,
    held_bytes bigint NOT NULL,
    cache_bytes bigint NOT NULL,
    trash_bytes bigint NOT NULL,
    garbage_bytes bigint NOT NULL,
    untagged_manifests bigint NOT NULL,
    untagged_bytes bigint NOT NULL
);
CREATE TABLE public.namespaces (
    name text NOT NULL COLLATE pg_catalog."C",
    account_id bigint,
    deleted_at bigint
);
CREATE TABLE public.oidc_subjects (
    issuer text NOT NULL COLLATE pg_catalog."C",
    subject text NOT NULL COLLATE pg_catalog."C",
    account_id bigint NOT NULL,
    created_at bigint NOT NULL
);
CREATE TABLE public.pull_tracking (
    id bigint NOT NULL,
    started_at bigint NOT NULL,
    CONSTRAINT pull_tracking_id_check CHECK ((id = 1))
);
CREATE TABLE public.purges (
    digest text NOT NULL COLLATE pg_catalog."C",
    purger text NOT NULL,
    size_bytes bigint NOT NULL,
    until bigint NOT NULL,
    may_return bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.quota_contents (
    quota_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    size_bytes bigint NOT NULL,
    uses bigint NOT NULL
);
CREATE TABLE public.quota_members (
    repository text NOT NULL COLLATE pg_catalog."C",
    quota_id bigint NOT NULL,
    counted_to text NOT NULL COLLATE pg_catalog."C",
    tags_counted_to text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.repositories (
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
CREATE VIEW public.quota_counters AS
 SELECT r.id AS repository_id,
    m.quota_id,
    m.counted_to,
    m.tags_counted_to
   FROM (public.repositories r
     JOIN public.quota_members m ON ((m.repository = r.name)))
  WHERE (NOT (EXISTS ( SELECT 1
           FROM public.mirrored_repositories x
          WHERE (x.repository_id = r.id))));
CREATE TABLE public.quota_repositories (
    repository text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL
);
CREATE TABLE public.quota_rules (
    id bigint NOT NULL,
    name text NOT NULL,
    patterns text NOT NULL,
    per text NOT NULL,
    max_bytes bigint,
    max_tags bigint,
    state text NOT NULL,
    replaces bigint
);
ALTER TABLE public.quota_rules ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.quota_rules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.quota_state (
    id bigint NOT NULL,
    version bigint NOT NULL,
    "position" bigint NOT NULL,
    is_stale bigint NOT NULL,
    CONSTRAINT quota_state_id_check CHECK ((id = 1))
);
CREATE TABLE public.quotas (
    id bigint NOT NULL,
    rule_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    used_bytes bigint DEFAULT 0 NOT NULL,
    reserved_bytes bigint DEFAULT 0 NOT NULL,
    tags bigint DEFAULT 0 NOT NULL,
    uncounted bigint DEFAULT 0 NOT NULL
);
ALTER TABLE public.quotas ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.quotas_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.rate_windows (
    name text NOT NULL COLLATE pg_catalog."C",
    ends_at bigint NOT NULL,
    used bigint NOT NULL,
    granted bigint NOT NULL
);
ALTER TABLE public.repositories ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.repositories_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.repository_texts (
    repository text NOT NULL COLLATE pg_catalog."C",
    description text NOT NULL,
    readme text NOT NULL,
    updated_at bigint NOT NULL,
    updated_by text NOT NULL
);
CREATE TABLE public.repository_usage (
    repository_id bigint NOT NULL,
    namespace text NOT NULL COLLATE pg_catalog."C",
    contents bigint NOT NULL,
    bytes bigint NOT NULL,
    own_bytes bigint NOT NULL,
    held_bytes bigint NOT NULL,
    cache_bytes bigint NOT NULL,
    trash_bytes bigint NOT NULL,
    garbage_bytes bigint NOT NULL,
    untagged_manifests bigint NOT NULL,
    untagged_bytes bigint NOT NULL,
    counted_at bigint NOT NULL
);
CREATE TABLE public.retention_due (
    repository_id bigint NOT NULL,
    due_at bigint NOT NULL
);
CREATE TABLE public.retention_log (
    id bigint NOT NULL,
    at bigint NOT NULL,
    plan_id text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    tag text NOT NULL COLLATE pg_catalog."C",
    rule text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    outcome text NOT NULL COLLATE pg_catalog."C",
    is_approved bigint NOT NULL
);
ALTER TABLE public.retention_log ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.retention_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.retention_plan_items (
    plan_id text NOT NULL COLLATE pg_catalog."C",
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    tag text NOT NULL COLLATE pg_catalog."C",
    pushed_at bigint NOT NULL,
    rule text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.retention_plans (
    id text NOT NULL COLLATE pg_catalog."C",
    made_at bigint NOT NULL,
    rules_hash text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL COLLATE pg_catalog."C",
    approved_by text,
    approved_at bigint
);
CREATE TABLE public.retention_rules (
    hash text NOT NULL COLLATE pg_catalog."C",
    first_seen_at bigint NOT NULL
);
CREATE TABLE public.retention_state (
    id bigint NOT NULL,
    alive_at bigint NOT NULL,
    ran_at bigint NOT NULL,
    sweep_position bigint,
    CONSTRAINT retention_state_id_check CHECK ((id = 1))
);
CREATE TABLE public.reviews (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    due_at bigint NOT NULL,
    is_urgent bigint DEFAULT 0 NOT NULL,
    failures bigint DEFAULT 0 NOT NULL,
    last_error text
);
CREATE TABLE public.schema_migrations (
    version bigint NOT NULL,
    name text NOT NULL
);
CREATE TABLE public.search_method (
    id bigint NOT NULL,
    method text NOT NULL,
    CONSTRAINT search_method_id_check CHECK ((id = 1))
);
CREATE TABLE public.signing_keys (
    kid text NOT NULL,
    private_key text NOT NULL,
    created_at bigint NOT NULL,
    retires_at bigint
);
CREATE TABLE public.stars (
    account_id bigint NOT NULL,
    repository text NOT NULL COLLATE pg_catalog."C",
    starred_at bigint NOT NULL
);
CREATE TABLE public.sync_entries (
    name text NOT NULL COLLATE pg_catalog."C",
    first_seen_at bigint NOT NULL,
    requested_at bigint,
    started_at bigint,
    ended_at bigint,
    succeeded_at bigint,
    retry_at bigint,
    failures bigint NOT NULL,
    error text,
    summary text
);
CREATE TABLE public.sync_failures (
    entry text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    reference text NOT NULL COLLATE pg_catalog."C",
    reason text NOT NULL
);
CREATE TABLE public.sync_tags (
    entry text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    tag text NOT NULL COLLATE pg_catalog."C",
    source_digest text NOT NULL COLLATE pg_catalog."C",
    target_digest text COLLATE pg_catalog."C",
    differs_since bigint
);
CREATE TABLE public.sync_uploads (
    entry text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    session text NOT NULL,
    begun_at bigint NOT NULL
);
CREATE TABLE public.tag_history (
    id bigint NOT NULL,
    repository_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    at bigint NOT NULL,
    from_digest text COLLATE pg_catalog."C",
    to_digest text COLLATE pg_catalog."C",
    actor text NOT NULL,
    reason text NOT NULL
);
ALTER TABLE public.tag_history ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tag_history_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.tags (
    repository_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    updated_at bigint NOT NULL,
    previous text,
    natural_name text COLLATE pg_catalog."C"
);
CREATE TABLE public.team_members (
    account_id bigint NOT NULL,
    team_id bigint NOT NULL
);
CREATE TABLE public.teams (
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    created_at bigint NOT NULL
);
ALTER TABLE public.teams ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.teams_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.trash_entries (
    id bigint NOT NULL,
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    manifests bigint NOT NULL,
    deleted_at bigint NOT NULL,
    purge_at bigint NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    cause text NOT NULL
);
ALTER TABLE public.trash_entries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.trash_entries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.trashed_manifests (
    repository_id bigint NOT NULL,
    digest text NOT NULL COLLATE pg_catalog."C",
    entry_id bigint NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    artifact_type text,
    subject text COLLATE pg_catalog."C",
    annotations text,
    pushed_at bigint NOT NULL
);
CREATE TABLE public.trashed_references (
    repository_id bigint NOT NULL,
    manifest text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    was_missing bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.trashed_tags (
    entry_id bigint NOT NULL,
    repository_id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE public.uploads (
    id text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    algorithm text NOT NULL,
    started_at bigint NOT NULL,
    owner text DEFAULT ''::text NOT NULL,
    address text DEFAULT ''::text NOT NULL,
    reserved_bytes bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.usage_state (
    id bigint NOT NULL,
    started_at bigint,
    completed_at bigint,
    "position" bigint,
    event_position bigint NOT NULL,
    is_stale bigint NOT NULL,
    orphan_blobs bigint NOT NULL,
    orphan_bytes bigint NOT NULL,
    index_bytes bigint NOT NULL,
    uploads bigint NOT NULL,
    upload_bytes bigint NOT NULL,
    CONSTRAINT usage_state_id_check CHECK ((id = 1))
);
CREATE TABLE public.verification (
    id bigint NOT NULL,
    depth text NOT NULL COLLATE pg_catalog."C",
    percent bigint NOT NULL,
    repositories text COLLATE pg_catalog."C",
    requested_at bigint NOT NULL,
    requested_by text NOT NULL COLLATE pg_catalog."C",
    "position" text COLLATE pg_catalog."C",
    checked bigint NOT NULL,
    corrupt bigint NOT NULL,
    unreadable bigint NOT NULL,
    ended_at bigint,
    CONSTRAINT verification_id_check CHECK ((id = 1))
);
CREATE TABLE public.visibilities (
    pattern text NOT NULL COLLATE pg_catalog."C",
    is_public integer NOT NULL,
    is_wildcard integer NOT NULL
);
CREATE TABLE public.webhook_deliveries (
    id bigint NOT NULL,
    target text NOT NULL COLLATE pg_catalog."C",
    message_id text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    type text NOT NULL,
    content text NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    queued_at bigint NOT NULL,
    attempts bigint DEFAULT 0 NOT NULL,
    status bigint,
    error text,
    ended_at bigint
);
ALTER TABLE public.webhook_deliveries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.webhook_deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.webhook_queues (
    target text NOT NULL COLLATE pg_catalog."C",
    repository text NOT NULL COLLATE pg_catalog."C",
    failures bigint DEFAULT 0 NOT NULL,
    due_at bigint DEFAULT 0 NOT NULL
);
CREATE TABLE public.webhook_targets (
    name text NOT NULL COLLATE pg_catalog."C",
    waiting bigint DEFAULT 0 NOT NULL,
    dead bigint DEFAULT 0 NOT NULL,
    failures bigint DEFAULT 0 NOT NULL,
    retry_at bigint DEFAULT 0 NOT NULL,
    succeeded_at bigint,
    failed_at bigint,
    error text,
    seen_at bigint NOT NULL
);
INSERT INTO public.access_epoch VALUES (1, 9);
INSERT INTO public.access_tokens VALUES ('17d59017-5de1-4554-afbb-0d709f57cc8d', 'personal', 2, 'laptop', '2S-sF0QbgUkk6Mr3wbp6Gk90aTt4UU0FnDIinTEf4ts', NULL, 1795340494322, NULL, NULL);
INSERT INTO public.access_tokens VALUES ('b09886a0-337e-4fcf-b76a-a3b9da3eecd2', 'robot', 3, 'ci', 'A4oITyK89-ZO_EWGrvX2WGg-fHRKSNzip76Huu07fJs', NULL, 1795340485364, NULL, NULL);
INSERT INTO public.accounts VALUES (1, 'user', 'admin', 'scrypt$32768$8$3$xrsvp/6i5ASqNnRWrk3gnA==$UzlGae1o1pM+HmvsrzMEY1lF8ZwST8ojO47APKH72EQ=', 1, 0, NULL, 0, 1795340432160);
INSERT INTO public.accounts VALUES (2, 'user', 'alice', 'scrypt$32768$8$3$B2STDeas0eOkonb+vBYtXA==$jFUSpwWFiwYDt6mHXJBIBbIx1/fLhvAJdgMrj4lfhec=', 0, 0, NULL, 0, 1795340459854);
INSERT INTO public.accounts VALUES (3, 'robot', 'ci', NULL, 0, 0, NULL, 0, 1795340485238);
INSERT INTO public.blobs VALUES ('sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 163, 1795340441446, NULL, 1795340444381, 3);
INSERT INTO public.blobs VALUES ('sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 30, 1795340441167, NULL, 1795340444120, 3);
INSERT INTO public.blobs VALUES ('sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 396, 1795340444858, NULL, 1795340444858, 1);
INSERT INTO public.blobs VALUES ('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 395, 1795340441549, NULL, 1795352275269, 5);
INSERT INTO public.catalog_entries VALUES (2, 'team/old', 'team/old', 'team', 0, 0, 984, 1795340444858, 0, 0, NULL, 0, '', '', '', 0, 'old');
INSERT INTO public.catalog_entries VALUES (3, 'up.example/team/tool', 'up.example/team/tool', 'up.example', 1, 1, 425, 1795340445000, 0, 0, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795340445000, '', 'image', '', 0, 'tool');
INSERT INTO public.catalog_entries VALUES (1, 'team/app', 'team/app', 'team', 0, 2, 588, 1795352275269, 1795352275447, 0, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795352275269, '', 'image', 'linux/amd64', 0, 'app');
INSERT INTO public.catalog_images VALUES (2, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 0, 588, 'image', '[{"platform":"linux/amd64","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]', '{}', 0, 0, 0, 1, 1);
INSERT INTO public.catalog_images VALUES (2, 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 0, 589, 'image', '[{"platform":"linux/amd64","digest":"sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22","downloadBytes":589}]', '{}', 0, 0, 0, 1, 1);
INSERT INTO public.catalog_images VALUES (3, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 0, 588, 'image', '[{"platform":"","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]', '{}', 0, 0, 1, 2, 2);
INSERT INTO public.catalog_images VALUES (1, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795352275447, 588, 'image', '[{"platform":"linux/amd64","digest":"sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f","downloadBytes":588}]', '{}', 0, 0, 0, 4, 4);
INSERT INTO public.catalog_namespaces VALUES ('team', 2);
INSERT INTO public.catalog_namespaces VALUES ('up.example', 1);
INSERT INTO public.collection VALUES (1, 7200000, NULL, NULL, 'links', 0, '', NULL, NULL, 0, 0);
INSERT INTO public.event_cursors VALUES ('links', 18);
INSERT INTO public.events VALUES (1, 1795340432160, 'berth', '', 'user.create', 'admin', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (2, 1795340440845, 'admin', '127.0.0.1', 'login', 'admin', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (3, 1795340441549, 'admin', '127.0.0.1', 'manifest.push', 'team/app', 'done', NULL, 'team/app', '1.0', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', NULL, 'xiUGg0eM-4');
INSERT INTO public.events VALUES (4, 1795340442862, 'admin', '127.0.0.1', 'manifest.push', 'team/app', 'done', NULL, 'team/app', 'latest', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', NULL, 'xiUGg0eM-5');
INSERT INTO public.events VALUES (5, 1795340443692, 'admin', '127.0.0.1', 'manifest.push', 'team/old', 'done', NULL, 'team/old', '1', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', NULL, 'xiUGg0eM-8');
INSERT INTO public.events VALUES (6, 1795340444858, 'admin', '127.0.0.1', 'manifest.push', 'team/old', 'done', NULL, 'team/old', '1', 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'xiUGg0eM-b');
INSERT INTO public.events VALUES (7, 1795340459854, 'command line', '', 'user.create', 'alice', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (8, 1795340469026, 'command line', '', 'team.create', 'devs', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (9, 1795340473494, 'command line', '', 'team.join', 'devs', 'done', '{"account":"alice"}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (10, 1795340478955, 'command line', '', 'grant.put', 'team:devs', 'done', '{"pattern":"team/*","actions":"pull,push"}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (11, 1795340485238, 'command line', '', 'robot.create', 'ci', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (12, 1795340485332, 'command line', '', 'grant.put', 'robot:ci', 'done', '{"subject":"account:3","pattern":"team/*","actions":"pull,push"}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (13, 1795340485364, 'command line', '', 'token.create', 'ci', 'done', '{"id":"b09886a0-337e-4fcf-b76a-a3b9da3eecd2","name":"ci"}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (14, 1795340487393, 'command line', '', 'visibility.public', 'team/old', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (15, 1795340494322, 'command line', '', 'token.create', 'alice', 'done', '{"id":"17d59017-5de1-4554-afbb-0d709f57cc8d","name":"laptop"}', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (16, 1795340496803, 'admin', '127.0.0.1', 'tag.delete', 'team/old', 'done', NULL, 'team/old', '1', 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', NULL, 'xiUGg0eM-f');
INSERT INTO public.events VALUES (17, 1795352275252, 'alice', '127.0.0.1', 'login', 'alice', 'done', NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.events VALUES (18, 1795352275269, 'alice', '127.0.0.1', 'manifest.push', 'team/app', 'done', NULL, 'team/app', 'latest', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'pnWj49At-2');
INSERT INTO public.grants VALUES (1, 'team:1', 'team/*', 'pull,push', 1795340478955);
INSERT INTO public.grants VALUES (2, 'account:3', 'team/*', 'pull,push', 1795340485332);
INSERT INTO public.job_runs VALUES ('empty-trash', 1795352275045, 9, NULL, '');
INSERT INTO public.job_runs VALUES ('deliver-events', 1795352275609, 78, NULL, '');
INSERT INTO public.job_runs VALUES ('describe-images', 1795352276772, 239, NULL, '');
INSERT INTO public.leases VALUES ('job:describe-images', 'aed98a42-e4ca-400d-afc0-87891ac2e78e', 1795352278330, NULL, 0);
INSERT INTO public.links VALUES (1, 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 1795340441446);
INSERT INTO public.links VALUES (1, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 1795340441167);
INSERT INTO public.links VALUES (2, 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 1795340443625);
INSERT INTO public.links VALUES (2, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 1795340443592);
INSERT INTO public.links VALUES (3, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 1795340446176);
INSERT INTO public.manifest_pulls VALUES (1, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795352275447);
INSERT INTO public.manifest_references VALUES (1, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO public.manifest_references VALUES (1, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO public.manifest_references VALUES (2, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO public.manifest_references VALUES (2, 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO public.manifest_references VALUES (2, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO public.manifest_references VALUES (2, 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO public.manifest_references VALUES (3, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88');
INSERT INTO public.manifest_references VALUES (3, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5');
INSERT INTO public.manifests VALUES (2, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'application/vnd.oci.image.manifest.v1+json', 395, 'application/vnd.oci.image.config.v1+json', NULL, NULL, 1795340443692);
INSERT INTO public.manifests VALUES (2, 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 'application/vnd.oci.image.manifest.v1+json', 396, 'application/vnd.oci.image.config.v1+json', NULL, NULL, 1795340444858);
INSERT INTO public.manifests VALUES (3, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'application/vnd.oci.image.manifest.v1+json', 395, 'application/vnd.oci.image.config.v1+json', NULL, NULL, 1795340444988);
INSERT INTO public.manifests VALUES (1, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'application/vnd.oci.image.manifest.v1+json', 395, 'application/vnd.oci.image.config.v1+json', NULL, NULL, 1795352275269);
INSERT INTO public.mirror_traffic VALUES ('up.example', 1795338000000, 2, 1, 0, 425, 0, 30);
INSERT INTO public.mirrored_content VALUES ('sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 395, 1795340444988, 0);
INSERT INTO public.mirrored_promises VALUES (3, 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 163);
INSERT INTO public.mirrored_promises VALUES (3, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 30);
INSERT INTO public.mirrored_repositories VALUES (3, 'up.example', 0, NULL, 0, NULL);
INSERT INTO public.mirrored_size VALUES (1, 395, 0, 0);
INSERT INTO public.mirrored_tags VALUES (3, '1', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'application/vnd.oci.image.manifest.v1+json', 395, 1795340445000, NULL);
INSERT INTO public.namespaces VALUES ('admin', 1, NULL);
INSERT INTO public.namespaces VALUES ('alice', 2, NULL);
INSERT INTO public.pull_tracking VALUES (1, 1795340445099);
INSERT INTO public.quota_state VALUES (1, 0, 0, 0);
INSERT INTO public.repositories VALUES (1, 'team/app', 1795340441167);
INSERT INTO public.repositories VALUES (2, 'team/old', 1795340443592);
INSERT INTO public.repositories VALUES (3, 'up.example/team/tool', 1795340444988);
INSERT INTO public.reviews VALUES (1, 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 1795347641446, 0, 0, NULL);
INSERT INTO public.reviews VALUES (1, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 1795347641167, 0, 0, NULL);
INSERT INTO public.reviews VALUES (2, 'sha256:0ba8e96f1f72ab2661483c6e3349dbcb50b46f956209d568a17a00b45f310e88', 1795347644381, 0, 0, NULL);
INSERT INTO public.reviews VALUES (2, 'sha256:baf54769913ae5b715da1e94edf13b9a6eea48088eca30603456e844e13850a5', 1795347644120, 0, 0, NULL);
INSERT INTO public.schema_migrations VALUES (1, '0001-registry.sql');
INSERT INTO public.schema_migrations VALUES (2, '0002-access.sql');
INSERT INTO public.schema_migrations VALUES (3, '0003-mirror.sql');
INSERT INTO public.schema_migrations VALUES (4, '0004-coordination.sql');
INSERT INTO public.schema_migrations VALUES (5, '0005-oidc.sql');
INSERT INTO public.schema_migrations VALUES (6, '0006-mirror-pins.sql');
INSERT INTO public.schema_migrations VALUES (7, '0007-mirror-size.sql');
INSERT INTO public.schema_migrations VALUES (8, '0008-upstream-visibility.sql');
INSERT INTO public.schema_migrations VALUES (9, '0009-lease-notes.sql');
INSERT INTO public.schema_migrations VALUES (10, '0010-namespaces.sql');
INSERT INTO public.schema_migrations VALUES (11, '0011-bcrypt-cost.sql');
INSERT INTO public.schema_migrations VALUES (12, '0012-tag-moves.sql');
INSERT INTO public.schema_migrations VALUES (13, '0013-mirror-listings.sql');
INSERT INTO public.schema_migrations VALUES (14, '0014-wanted-leases.sql');
INSERT INTO public.schema_migrations VALUES (15, '0015-upload-limits.sql');
INSERT INTO public.schema_migrations VALUES (16, '0016-trash.sql');
INSERT INTO public.schema_migrations VALUES (17, '0017-pulls.sql');
INSERT INTO public.schema_migrations VALUES (18, '0018-events.sql');
INSERT INTO public.schema_migrations VALUES (19, '0019-collection.sql');
INSERT INTO public.schema_migrations VALUES (20, '0020-retention.sql');
INSERT INTO public.schema_migrations VALUES (21, '0021-backup.sql');
INSERT INTO public.schema_migrations VALUES (22, '0022-verification.sql');
INSERT INTO public.schema_migrations VALUES (23, '0023-untagged.sql');
INSERT INTO public.schema_migrations VALUES (24, '0024-adoption.sql');
INSERT INTO public.schema_migrations VALUES (25, '0025-sync.sql');
INSERT INTO public.schema_migrations VALUES (26, '0026-quotas.sql');
INSERT INTO public.schema_migrations VALUES (27, '0027-sparse-trash.sql');
INSERT INTO public.schema_migrations VALUES (28, '0028-archives.sql');
INSERT INTO public.schema_migrations VALUES (29, '0029-returning-bytes.sql');
INSERT INTO public.schema_migrations VALUES (30, '0030-operation.sql');
INSERT INTO public.schema_migrations VALUES (31, '0031-archives-of-accounts.sql');
INSERT INTO public.schema_migrations VALUES (32, '0032-maintenance-mode.sql');
INSERT INTO public.schema_migrations VALUES (33, '0033-storage-usage.sql');
INSERT INTO public.schema_migrations VALUES (34, '0034-jobs.sql');
INSERT INTO public.schema_migrations VALUES (35, '0035-catalog.sql');
INSERT INTO public.schema_migrations VALUES (36, '0036-webhooks.sql');
INSERT INTO public.schema_migrations VALUES (37, '0037-mirror-traffic.sql');
INSERT INTO public.schema_migrations VALUES (38, '0038-job-runs.sql');
INSERT INTO public.schema_migrations VALUES (39, '0039-client-checks.sql');
INSERT INTO public.schema_migrations VALUES (40, '0040-search.sql');
INSERT INTO public.search_method VALUES (1, 'trigram');
INSERT INTO public.tag_history VALUES (1, 1, '1.0', 1795340441549, NULL, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'admin', '');
INSERT INTO public.tag_history VALUES (2, 1, 'latest', 1795340442862, NULL, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'admin', '');
INSERT INTO public.tag_history VALUES (3, 2, '1', 1795340443692, NULL, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'admin', '');
INSERT INTO public.tag_history VALUES (4, 2, '1', 1795340444858, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', 'admin', '');
INSERT INTO public.tag_history VALUES (5, 2, '1', 1795340496803, 'sha256:c5f64bab2bf91721a664ac35b3856c48f1cfc9fee0f74b15c4722a43f7365d22', NULL, 'admin', '');
INSERT INTO public.tags VALUES (1, '1.0', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795340441549, NULL, '0011.000');
INSERT INTO public.tags VALUES (3, '1', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795340445000, NULL, '0011');
INSERT INTO public.tags VALUES (1, 'latest', 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 1795352275269, 'sha256:b68a185e70afd0500cba2b00bc6c03c0265daae695b9ec82c40a1cec36b6308f', 'latest');
INSERT INTO public.team_members VALUES (2, 1);
INSERT INTO public.teams VALUES (1, 'devs', 1795340469026);
INSERT INTO public.visibilities VALUES ('team/old', 1, 0);
SELECT pg_catalog.setval('public.accounts_id_seq', 4, false);
SELECT pg_catalog.setval('public.audit_events_id_seq', 18, true);
SELECT pg_catalog.setval('public.grants_id_seq', 3, false);
SELECT pg_catalog.setval('public.quota_rules_id_seq', 1, false);
SELECT pg_catalog.setval('public.quotas_id_seq', 1, false);
SELECT pg_catalog.setval('public.repositories_id_seq', 4, false);
SELECT pg_catalog.setval('public.retention_log_id_seq', 1, false);
SELECT pg_catalog.setval('public.tag_history_id_seq', 6, false);
SELECT pg_catalog.setval('public.teams_id_seq', 2, false);
SELECT pg_catalog.setval('public.trash_entries_id_seq', 1, false);
SELECT pg_catalog.setval('public.webhook_deliveries_id_seq', 1, false);
ALTER TABLE ONLY public.access_epoch
    ADD CONSTRAINT access_epoch_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.access_tokens
    ADD CONSTRAINT access_tokens_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.access_tokens
    ADD CONSTRAINT access_tokens_secret_hash_key UNIQUE (secret_hash);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_name_key UNIQUE (name);
ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.adopted_links
    ADD CONSTRAINT adopted_links_pkey PRIMARY KEY (path);
ALTER TABLE ONLY public.adoption_oddities
    ADD CONSTRAINT adoption_oddities_pkey PRIMARY KEY (path, kind);
ALTER TABLE ONLY public.adoption
    ADD CONSTRAINT adoption_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.adoption_shards
    ADD CONSTRAINT adoption_shards_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.archives
    ADD CONSTRAINT archives_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.backups
    ADD CONSTRAINT backups_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.blobs
    ADD CONSTRAINT blobs_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.catalog_entries
    ADD CONSTRAINT catalog_entries_pkey PRIMARY KEY (repository_id);
ALTER TABLE ONLY public.catalog_images
    ADD CONSTRAINT catalog_images_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.catalog_namespaces
    ADD CONSTRAINT catalog_namespaces_pkey PRIMARY KEY (namespace);
ALTER TABLE ONLY public.claims
    ADD CONSTRAINT claims_pkey PRIMARY KEY (digest, claimant);
ALTER TABLE ONLY public.client_checks
    ADD CONSTRAINT client_checks_pkey PRIMARY KEY (code);
ALTER TABLE ONLY public.collection_blocks
    ADD CONSTRAINT collection_blocks_pkey PRIMARY KEY (reason);
ALTER TABLE ONLY public.collection
    ADD CONSTRAINT collection_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.corrupt_content
    ADD CONSTRAINT corrupt_content_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.event_cursors
    ADD CONSTRAINT event_cursors_pkey PRIMARY KEY (consumer);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_subject_pattern_key UNIQUE (subject, pattern);
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.job_runs
    ADD CONSTRAINT job_runs_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.maintenance_mode
    ADD CONSTRAINT maintenance_mode_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.manifest_pulls
    ADD CONSTRAINT manifest_pulls_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.manifest_references
    ADD CONSTRAINT manifest_references_pkey PRIMARY KEY (repository_id, manifest, digest);
ALTER TABLE ONLY public.manifests
    ADD CONSTRAINT manifests_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.mirror_processes
    ADD CONSTRAINT mirror_processes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.mirror_traffic
    ADD CONSTRAINT mirror_traffic_pkey PRIMARY KEY (upstream, hour);
ALTER TABLE ONLY public.mirrored_content
    ADD CONSTRAINT mirrored_content_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.mirrored_listings
    ADD CONSTRAINT mirrored_listings_pkey PRIMARY KEY (repository, path);
ALTER TABLE ONLY public.mirrored_pins
    ADD CONSTRAINT mirrored_pins_pkey PRIMARY KEY (image, digest);
ALTER TABLE ONLY public.mirrored_promises
    ADD CONSTRAINT mirrored_promises_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.mirrored_refusals
    ADD CONSTRAINT mirrored_refusals_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.mirrored_repositories
    ADD CONSTRAINT mirrored_repositories_pkey PRIMARY KEY (repository_id);
ALTER TABLE ONLY public.mirrored_size
    ADD CONSTRAINT mirrored_size_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.mirrored_tags
    ADD CONSTRAINT mirrored_tags_pkey PRIMARY KEY (repository_id, name);
ALTER TABLE ONLY public.mirrored_transits
    ADD CONSTRAINT mirrored_transits_pkey PRIMARY KEY (digest, is_leaving);
ALTER TABLE ONLY public.namespace_usage
    ADD CONSTRAINT namespace_usage_pkey PRIMARY KEY (namespace);
ALTER TABLE ONLY public.namespaces
    ADD CONSTRAINT namespaces_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.oidc_subjects
    ADD CONSTRAINT oidc_subjects_pkey PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.pull_tracking
    ADD CONSTRAINT pull_tracking_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.purges
    ADD CONSTRAINT purges_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY public.quota_contents
    ADD CONSTRAINT quota_contents_pkey PRIMARY KEY (quota_id, digest);
ALTER TABLE ONLY public.quota_members
    ADD CONSTRAINT quota_members_pkey PRIMARY KEY (repository, quota_id);
ALTER TABLE ONLY public.quota_repositories
    ADD CONSTRAINT quota_repositories_pkey PRIMARY KEY (repository);
ALTER TABLE ONLY public.quota_rules
    ADD CONSTRAINT quota_rules_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.quota_state
    ADD CONSTRAINT quota_state_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.quotas
    ADD CONSTRAINT quotas_rule_id_name_key UNIQUE (rule_id, name);
ALTER TABLE ONLY public.rate_windows
    ADD CONSTRAINT rate_windows_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.repositories
    ADD CONSTRAINT repositories_name_key UNIQUE (name);
ALTER TABLE ONLY public.repositories
    ADD CONSTRAINT repositories_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.repository_texts
    ADD CONSTRAINT repository_texts_pkey PRIMARY KEY (repository);
ALTER TABLE ONLY public.repository_usage
    ADD CONSTRAINT repository_usage_pkey PRIMARY KEY (repository_id);
ALTER TABLE ONLY public.retention_due
    ADD CONSTRAINT retention_due_pkey PRIMARY KEY (repository_id);
ALTER TABLE ONLY public.retention_log
    ADD CONSTRAINT retention_log_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.retention_plan_items
    ADD CONSTRAINT retention_plan_items_pkey PRIMARY KEY (plan_id, repository_id, digest, tag);
ALTER TABLE ONLY public.retention_plans
    ADD CONSTRAINT retention_plans_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.retention_rules
    ADD CONSTRAINT retention_rules_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.retention_state
    ADD CONSTRAINT retention_state_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.reviews
    ADD CONSTRAINT reviews_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.search_method
    ADD CONSTRAINT search_method_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.signing_keys
    ADD CONSTRAINT signing_keys_pkey PRIMARY KEY (kid);
ALTER TABLE ONLY public.stars
    ADD CONSTRAINT stars_pkey PRIMARY KEY (account_id, repository);
ALTER TABLE ONLY public.sync_entries
    ADD CONSTRAINT sync_entries_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.sync_failures
    ADD CONSTRAINT sync_failures_pkey PRIMARY KEY (entry, repository, reference);
ALTER TABLE ONLY public.sync_tags
    ADD CONSTRAINT sync_tags_pkey PRIMARY KEY (entry, repository, tag);
ALTER TABLE ONLY public.sync_uploads
    ADD CONSTRAINT sync_uploads_pkey PRIMARY KEY (entry, repository, digest);
ALTER TABLE ONLY public.tag_history
    ADD CONSTRAINT tag_history_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (repository_id, name);
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_pkey PRIMARY KEY (account_id, team_id);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_name_key UNIQUE (name);
ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.trash_entries
    ADD CONSTRAINT trash_entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.trashed_manifests
    ADD CONSTRAINT trashed_manifests_pkey PRIMARY KEY (repository_id, digest);
ALTER TABLE ONLY public.trashed_references
    ADD CONSTRAINT trashed_references_pkey PRIMARY KEY (repository_id, manifest, digest);
ALTER TABLE ONLY public.trashed_tags
    ADD CONSTRAINT trashed_tags_pkey PRIMARY KEY (entry_id, name);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.usage_state
    ADD CONSTRAINT usage_state_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.verification
    ADD CONSTRAINT verification_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.visibilities
    ADD CONSTRAINT visibilities_pkey PRIMARY KEY (pattern);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhook_deliveries
    ADD CONSTRAINT webhook_deliveries_target_message_id_key UNIQUE (target, message_id);
ALTER TABLE ONLY public.webhook_queues
    ADD CONSTRAINT webhook_queues_pkey PRIMARY KEY (target, repository);
ALTER TABLE ONLY public.webhook_targets
    ADD CONSTRAINT webhook_targets_pkey PRIMARY KEY (name);
CREATE INDEX access_tokens_by_account ON public.access_tokens USING btree (account_id, kind, created_at);
CREATE INDEX access_tokens_by_expiry ON public.access_tokens USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX accounts_by_admin ON public.accounts USING btree (id) WHERE (is_admin = 1);
CREATE INDEX accounts_by_bcrypt_cost ON public.accounts USING btree (substr(password_hash, 5, 2)) WHERE (substr(password_hash, 1, 2) = '$2'::text);
CREATE INDEX accounts_by_folded_name ON public.accounts USING btree (lower(name));
CREATE INDEX accounts_by_kind ON public.accounts USING btree (kind, name);
CREATE INDEX adoption_oddities_by_kind ON public.adoption_oddities USING btree (kind, path);
CREATE INDEX archives_by_owner ON public.archives USING btree (owner, started_at);
CREATE INDEX archives_by_time ON public.archives USING btree (started_at);
CREATE INDEX backups_complete ON public.backups USING btree (began_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX backups_unfinished ON public.backups USING btree (began_at) WHERE (ended_at IS NULL);
CREATE INDEX blobs_by_check ON public.blobs USING btree (checked_at, digest);
CREATE INDEX catalog_by_base_name ON public.catalog_entries USING btree (base_name, name);
CREATE UNIQUE INDEX catalog_by_name ON public.catalog_entries USING btree (name);
CREATE INDEX catalog_by_natural_name ON public.catalog_entries USING btree (is_mirrored, natural_name, name);
CREATE INDEX catalog_by_pull ON public.catalog_entries USING btree (is_mirrored, pulled_at, name);
CREATE INDEX catalog_by_push ON public.catalog_entries USING btree (is_mirrored, pushed_at, name);
CREATE INDEX catalog_by_size ON public.catalog_entries USING btree (is_mirrored, size_bytes, name);
CREATE INDEX catalog_by_tags ON public.catalog_entries USING btree (is_mirrored, tags, name);
CREATE UNIQUE INDEX catalog_images_by_pull ON public.catalog_images USING btree (repository_id, pulled_at, digest);
CREATE UNIQUE INDEX catalog_images_by_size ON public.catalog_images USING btree (repository_id, download_bytes, digest);
CREATE INDEX catalog_images_to_describe ON public.catalog_images USING btree (repository_id, digest) WHERE (described < changes);
CREATE INDEX catalog_trigrams ON public.catalog_entries USING gin (name public.gin_trgm_ops, description public.gin_trgm_ops);
CREATE INDEX claims_by_end ON public.claims USING btree (until);
CREATE INDEX client_checks_by_end ON public.client_checks USING btree (expires_at);
CREATE INDEX client_checks_by_owner ON public.client_checks USING btree (owner, expires_at);
CREATE INDEX corrupt_content_by_check ON public.corrupt_content USING btree (checked_at, digest);
CREATE INDEX events_by_actor ON public.events USING btree (actor, id);
CREATE INDEX events_by_target ON public.events USING btree (target, id);
CREATE INDEX grants_by_pattern ON public.grants USING btree (pattern);
CREATE INDEX holds_by_end ON public.holds USING btree (until) WHERE (until IS NOT NULL);
CREATE INDEX jobs_by_owner ON public.jobs USING btree (owner, started_at);
CREATE INDEX jobs_by_time ON public.jobs USING btree (started_at);
CREATE INDEX jobs_by_update ON public.jobs USING btree (updated_at);
CREATE INDEX leases_by_end ON public.leases USING btree (held_until);
CREATE INDEX links_by_digest ON public.links USING btree (digest, repository_id);
CREATE INDEX manifest_pulls_by_digest ON public.manifest_pulls USING btree (digest);
CREATE INDEX manifest_references_by_digest ON public.manifest_references USING btree (repository_id, digest);
CREATE INDEX manifests_by_digest ON public.manifests USING btree (digest);
CREATE INDEX manifests_by_subject ON public.manifests USING btree (repository_id, subject, digest) WHERE (subject IS NOT NULL);
CREATE INDEX manifests_by_subject_and_type ON public.manifests USING btree (repository_id, subject, artifact_type, digest) WHERE (subject IS NOT NULL);
CREATE INDEX mirror_traffic_by_hour ON public.mirror_traffic USING btree (hour);
CREATE INDEX mirrored_content_by_segment ON public.mirrored_content USING btree (is_protected, used_at, digest);
CREATE INDEX mirrored_content_by_size ON public.mirrored_content USING btree (size_bytes, digest);
CREATE INDEX mirrored_listings_by_time ON public.mirrored_listings USING btree (fetched_at);
CREATE INDEX mirrored_pins_by_digest ON public.mirrored_pins USING btree (digest);
CREATE INDEX mirrored_refusals_by_time ON public.mirrored_refusals USING btree (refused_at);
CREATE INDEX mirrored_tags_by_digest ON public.mirrored_tags USING btree (repository_id, digest);
CREATE INDEX mirrored_transits_by_time ON public.mirrored_transits USING btree (is_leaving, since);
CREATE INDEX namespace_usage_by_size ON public.namespace_usage USING btree (held_bytes, namespace);
CREATE UNIQUE INDEX namespaces_by_account ON public.namespaces USING btree (account_id) WHERE (account_id IS NOT NULL);
CREATE INDEX oidc_subjects_by_account ON public.oidc_subjects USING btree (account_id);
CREATE INDEX quota_members_by_quota ON public.quota_members USING btree (quota_id, repository);
CREATE INDEX quota_members_uncounted ON public.quota_members USING btree (quota_id, repository) WHERE ((counted_to < '~'::text) OR (tags_counted_to < '~'::text));
CREATE INDEX quota_repositories_by_version ON public.quota_repositories USING btree (version, repository);
CREATE INDEX rate_windows_by_end ON public.rate_windows USING btree (ends_at);
CREATE INDEX repository_usage_by_size ON public.repository_usage USING btree (namespace, held_bytes, repository_id);
CREATE INDEX repository_usage_with_garbage ON public.repository_usage USING btree (counted_at, repository_id) WHERE (garbage_bytes > 0);
CREATE INDEX retention_due_by_time ON public.retention_due USING btree (due_at, repository_id);
CREATE INDEX retention_log_by_repository ON public.retention_log USING btree (repository, id);
CREATE INDEX retention_log_by_time ON public.retention_log USING btree (at);
CREATE INDEX reviews_by_failure ON public.reviews USING btree (repository_id, digest) WHERE (failures > 0);
CREATE INDEX reviews_by_time ON public.reviews USING btree (due_at, repository_id, digest);
CREATE INDEX stars_by_repository ON public.stars USING btree (repository);
CREATE INDEX stars_by_time ON public.stars USING btree (account_id, starred_at, repository);
CREATE INDEX sync_uploads_by_time ON public.sync_uploads USING btree (begun_at);
CREATE INDEX tag_history_by_origin ON public.tag_history USING btree (repository_id, from_digest, at) WHERE (from_digest IS NOT NULL);
CREATE INDEX tag_history_by_tag ON public.tag_history USING btree (repository_id, name, id);
CREATE INDEX tags_by_digest ON public.tags USING btree (repository_id, digest, natural_name, updated_at);
CREATE INDEX tags_by_name ON public.tags USING btree (name, repository_id);
CREATE INDEX tags_by_natural_name ON public.tags USING btree (repository_id, natural_name, name) WHERE (natural_name IS NOT NULL);
CREATE INDEX tags_by_update ON public.tags USING btree (repository_id, updated_at, name) WHERE (natural_name IS NOT NULL);
CREATE INDEX team_members_by_team ON public.team_members USING btree (team_id, account_id);
CREATE INDEX trash_entries_by_purge ON public.trash_entries USING btree (purge_at, id);
CREATE INDEX trash_entries_by_repository ON public.trash_entries USING btree (repository_id, id);
CREATE INDEX trashed_manifests_by_digest ON public.trashed_manifests USING btree (digest);
CREATE INDEX trashed_manifests_by_entry ON public.trashed_manifests USING btree (entry_id, digest);
CREATE INDEX trashed_references_by_digest ON public.trashed_references USING btree (repository_id, digest);
CREATE INDEX trashed_tags_by_repository ON public.trashed_tags USING btree (repository_id, name);
CREATE INDEX uploads_by_address ON public.uploads USING btree (address);
CREATE INDEX uploads_by_owner ON public.uploads USING btree (owner);
CREATE INDEX uploads_by_reservation ON public.uploads USING btree (repository) WHERE (reserved_bytes > 0);
CREATE INDEX uploads_by_start ON public.uploads USING btree (started_at);
CREATE INDEX visibilities_by_public ON public.visibilities USING btree (pattern) WHERE ((is_public = 1) AND (is_wildcard = 0));
CREATE INDEX visibilities_by_wildcard ON public.visibilities USING btree (pattern) WHERE (is_wildcard = 1);
CREATE INDEX webhook_deliveries_by_repository ON public.webhook_deliveries USING btree (target, state, repository, id);
CREATE INDEX webhook_deliveries_by_state ON public.webhook_deliveries USING btree (target, state, id);
CREATE INDEX webhook_deliveries_ended ON public.webhook_deliveries USING btree (state, ended_at);
CREATE INDEX webhook_queues_by_time ON public.webhook_queues USING btree (target, due_at, repository);
CREATE CONSTRAINT TRIGGER catalog_entry_changed AFTER INSERT OR DELETE ON public.catalog_entries DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_entry_changed();
CREATE CONSTRAINT TRIGGER catalog_link_added AFTER INSERT ON public.links DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_content_added();
CREATE CONSTRAINT TRIGGER catalog_link_part_added AFTER INSERT ON public.links DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_part_added();
CREATE TRIGGER catalog_link_removed AFTER DELETE ON public.links FOR EACH ROW EXECUTE FUNCTION public.catalog_content_removed();
CREATE TRIGGER catalog_manifest_added AFTER INSERT ON public.manifests FOR EACH ROW EXECUTE FUNCTION public.catalog_manifest_added();
CREATE CONSTRAINT TRIGGER catalog_manifest_counted AFTER INSERT ON public.manifests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_content_added();
CREATE CONSTRAINT TRIGGER catalog_manifest_part_added AFTER INSERT ON public.manifests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_part_added();
CREATE CONSTRAINT TRIGGER catalog_manifest_pushed AFTER INSERT OR UPDATE OF pushed_at ON public.manifests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_manifest_pushed();
CREATE TRIGGER catalog_manifest_removed AFTER DELETE ON public.manifests FOR EACH ROW EXECUTE FUNCTION public.catalog_content_removed();
CREATE CONSTRAINT TRIGGER catalog_mirrored_changed AFTER INSERT OR DELETE ON public.mirrored_repositories DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_mirrored_changed();
CREATE CONSTRAINT TRIGGER catalog_pull_changed AFTER INSERT OR UPDATE OF pulled_at ON public.manifest_pulls DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_pull_changed();
CREATE CONSTRAINT TRIGGER catalog_referrer_changed AFTER INSERT OR DELETE ON public.manifests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_referrer_changed();
CREATE TRIGGER catalog_repository_added AFTER INSERT ON public.repositories FOR EACH ROW EXECUTE FUNCTION public.catalog_repository_added();
CREATE CONSTRAINT TRIGGER catalog_star_changed AFTER INSERT OR DELETE ON public.stars DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_star_changed();
CREATE CONSTRAINT TRIGGER catalog_tag_changed AFTER INSERT OR DELETE OR UPDATE OF digest, updated_at ON public.tags DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_tag_changed();
CREATE TRIGGER catalog_tag_named BEFORE INSERT ON public.tags FOR EACH ROW EXECUTE FUNCTION public.catalog_tag_named();
CREATE TRIGGER catalog_text_changed AFTER INSERT OR UPDATE ON public.repository_texts FOR EACH ROW EXECUTE FUNCTION public.catalog_text_changed();
CREATE CONSTRAINT TRIGGER catalog_trashed_added AFTER INSERT ON public.trashed_manifests DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.catalog_content_added();
CREATE TRIGGER catalog_trashed_removed AFTER DELETE ON public.trashed_manifests FOR EACH ROW EXECUTE FUNCTION public.catalog_content_removed();
CREATE TRIGGER mirrored_content_changed AFTER INSERT OR DELETE ON public.mirrored_content FOR EACH ROW EXECUTE FUNCTION public.mirrored_content_changed();
CREATE TRIGGER mirrored_content_moved AFTER UPDATE OF is_protected ON public.mirrored_content FOR EACH ROW WHEN ((new.is_protected <> old.is_protected)) EXECUTE FUNCTION public.mirrored_content_changed();
CREATE TRIGGER mirrored_transits_changed AFTER INSERT OR DELETE ON public.mirrored_transits FOR EACH ROW EXECUTE FUNCTION public.mirrored_transits_changed();
CREATE TRIGGER quota_content_changed AFTER INSERT OR DELETE ON public.quota_contents FOR EACH ROW EXECUTE FUNCTION public.quota_content_changed();
CREATE TRIGGER quota_link_changed AFTER INSERT OR DELETE ON public.links FOR EACH ROW EXECUTE FUNCTION public.quota_use_changed();
CREATE TRIGGER quota_manifest_changed AFTER INSERT OR DELETE ON public.manifests FOR EACH ROW EXECUTE FUNCTION public.quota_use_changed();
CREATE TRIGGER quota_mirrored_changed AFTER INSERT OR DELETE ON public.mirrored_repositories FOR EACH ROW EXECUTE FUNCTION public.quota_mirrored_changed();
CREATE TRIGGER quota_tag_changed AFTER INSERT OR DELETE ON public.tags FOR EACH ROW EXECUTE FUNCTION public.quota_tag_changed();
CREATE TRIGGER quota_trashed_changed AFTER INSERT OR DELETE ON public.trashed_manifests FOR EACH ROW EXECUTE FUNCTION public.quota_use_changed();
CREATE TRIGGER quota_upload_added AFTER INSERT ON public.uploads FOR EACH ROW WHEN ((new.reserved_bytes > 0)) EXECUTE FUNCTION public.quota_upload_changed();
CREATE TRIGGER quota_upload_changed AFTER UPDATE OF reserved_bytes ON public.uploads FOR EACH ROW WHEN ((new.reserved_bytes <> old.reserved_bytes)) EXECUTE FUNCTION public.quota_upload_changed();
CREATE TRIGGER quota_upload_removed AFTER DELETE ON public.uploads FOR EACH ROW WHEN ((old.reserved_bytes > 0)) EXECUTE FUNCTION public.quota_upload_changed();
CREATE TRIGGER repository_usage_changed AFTER INSERT OR DELETE ON public.repository_usage FOR EACH ROW EXECUTE FUNCTION public.repository_usage_changed();
CREATE TRIGGER search_entry_added BEFORE INSERT ON public.catalog_entries FOR EACH ROW EXECUTE FUNCTION public.search_entry_added();
ALTER TABLE ONLY public.access_tokens
    ADD CONSTRAINT access_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.catalog_entries
    ADD CONSTRAINT catalog_entries_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.catalog_images
    ADD CONSTRAINT catalog_images_repository_id_digest_fkey FOREIGN KEY (repository_id, digest) REFERENCES public.manifests(repository_id, digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.corrupt_content
    ADD CONSTRAINT corrupt_content_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.holds
    ADD CONSTRAINT holds_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest);
ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.manifest_pulls
    ADD CONSTRAINT manifest_pulls_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.manifest_pulls
    ADD CONSTRAINT manifest_pulls_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.manifest_references
    ADD CONSTRAINT manifest_references_repository_id_manifest_fkey FOREIGN KEY (repository_id, manifest) REFERENCES public.manifests(repository_id, digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.manifests
    ADD CONSTRAINT manifests_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest);
ALTER TABLE ONLY public.manifests
    ADD CONSTRAINT manifests_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.mirrored_content
    ADD CONSTRAINT mirrored_content_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.mirrored_promises
    ADD CONSTRAINT mirrored_promises_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.mirrored_repositories(repository_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.mirrored_repositories
    ADD CONSTRAINT mirrored_repositories_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.mirrored_tags
    ADD CONSTRAINT mirrored_tags_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.mirrored_repositories(repository_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespaces
    ADD CONSTRAINT namespaces_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.oidc_subjects
    ADD CONSTRAINT oidc_subjects_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.repository_usage
    ADD CONSTRAINT repository_usage_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.retention_due
    ADD CONSTRAINT retention_due_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.retention_plan_items
    ADD CONSTRAINT retention_plan_items_plan_id_fkey FOREIGN KEY (plan_id) REFERENCES public.retention_plans(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.retention_plan_items
    ADD CONSTRAINT retention_plan_items_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.stars
    ADD CONSTRAINT stars_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.sync_failures
    ADD CONSTRAINT sync_failures_entry_fkey FOREIGN KEY (entry) REFERENCES public.sync_entries(name) ON DELETE CASCADE;
ALTER TABLE ONLY public.tag_history
    ADD CONSTRAINT tag_history_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_repository_id_digest_fkey FOREIGN KEY (repository_id, digest) REFERENCES public.manifests(repository_id, digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.accounts(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.team_members
    ADD CONSTRAINT team_members_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trash_entries
    ADD CONSTRAINT trash_entries_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trashed_manifests
    ADD CONSTRAINT trashed_manifests_digest_fkey FOREIGN KEY (digest) REFERENCES public.blobs(digest);
ALTER TABLE ONLY public.trashed_manifests
    ADD CONSTRAINT trashed_manifests_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.trash_entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trashed_manifests
    ADD CONSTRAINT trashed_manifests_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trashed_references
    ADD CONSTRAINT trashed_references_repository_id_manifest_fkey FOREIGN KEY (repository_id, manifest) REFERENCES public.trashed_manifests(repository_id, digest) ON DELETE CASCADE;
ALTER TABLE ONLY public.trashed_tags
    ADD CONSTRAINT trashed_tags_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES public.trash_entries(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.trashed_tags
    ADD CONSTRAINT trashed_tags_repository_id_fkey FOREIGN KEY (repository_id) REFERENCES public.repositories(id) ON DELETE CASCADE;
