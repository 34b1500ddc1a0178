import type { Digest } from '../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../src/oci/reference.ts';
import { type Query, all, concurrentWrite, first, read, run, write } from './steps/query.ts';
import type { TagMove } from './steps/events.ts';

/** Events in the order of their ids, and how far each consumer has come. Times are milliseconds since 1970. */

/** Something that happened: a change, a login or a refusal. */
export interface RegistryEvent {
  /** Ascends; of two changes of the same thing the later one has the larger id. */
  readonly id: number;
  readonly at: number;
  /** `manifest.push`, `tag.delete`, `user.create`, `login` … */
  readonly kind: string;
  /** An account's name, `command line`, or '' for a client without a login. */
  readonly actor: string;
  /** A network address, or ''. */
  readonly address: string;
  /** The repository, account, team … */
  readonly target: string;
  readonly result: string;
  readonly requestId: string | null;
  /** Undefined if the event changed no repository's content. */
  readonly content: ContentOfEvent | undefined;
  /** JSON object with what the other fields do not hold, or null. */
  readonly detail: string | null;
}

/** What an event changed in a repository. */
export interface ContentOfEvent {
  readonly repository: RepositoryName;
  /** The manifest or blob; for `tag.delete` the manifest that the tag pointed at. */
  readonly digest: Digest;
  /** Tags that were created, moved or deleted, with the digests that they pointed at before. */
  readonly tags: readonly TagMove[];
}

/** How far a consumer has come. */
export interface ConsumerState {
  /** The id of the last event that it has handled. */
  readonly position: number;
  /** The time of the first event that it has not handled; null if there is none. */
  readonly waitingSince: number | null;
}

interface EventRow extends Omit<RegistryEvent, 'content'> {
  readonly repository: RepositoryName | null;
  readonly tag: string | null;
  readonly digest: Digest | null;
  readonly previous: Digest | null;
}

const columns = `id AS "id", at AS "at", kind AS "kind", actor AS "actor", address AS "address", target AS "target",
  result AS "result", request_id AS "requestId", detail AS "detail", repository AS "repository", tag AS "tag",
  digest AS "digest", previous AS "previous"`;

/** Events after the id `after` (exclusive) up to `last` (inclusive), ascending. See `lastSettled`. */
export const list = read(function* (after: number, last: number, limit: number): Query<readonly RegistryEvent[]> {
  const page = 'WHERE id > ? AND id <= ? ORDER BY id LIMIT ?';
  return (yield* all<EventRow>(`SELECT ${columns} FROM events ${page}`, after, last, limit)).map(toEvent);
});

function toEvent({ repository, tag, digest, previous, ...event }: EventRow): RegistryEvent {
  const detail = event.detail === null ? {} : (JSON.parse(event.detail) as DetailOfContent);
  if (repository !== null && digest !== null) {
    const before = event.kind === 'tag.delete' ? digest : previous;
    const tags = tag === null ? movesOf(digest, detail.tags ?? []) : [{ name: tag, before }];
    return { ...event, content: { repository, digest, tags } };
  }
  return { ...event, content: contentOfOlder(event, detail) };
}

interface DetailOfContent {
  readonly digest?: Digest;
  readonly tag?: string;
  readonly tags?: readonly (string | TagMove)[];
}

/** Reads an event of a replica of the previous version, which wrote all fields into `detail`. */
function contentOfOlder({ kind, target }: Pick<RegistryEvent, 'kind' | 'target'>, detail: DetailOfContent) {
  const { digest, tag, tags = tag === undefined ? [] : [tag] } = detail;
  if (digest === undefined || !/^(?:manifest|tag|blob)\./.test(kind)) return undefined;
  return { repository: target as RepositoryName, digest, tags: movesOf(digest, tags) };
}

/** A deletion names only the tags. */
function movesOf(digest: Digest, tags: readonly (string | TagMove)[]): readonly TagMove[] {
  return tags.map((tag) => (typeof tag === 'string' ? { name: tag, before: digest } : tag));
}

/** Returns the id of the newest event that is visible; 0 if there is none. A smaller one may still become visible. */
export const newest = read(newestId);

/**
 * Returns the id up to which no event can appear any more. It is a write although it changes nothing: it waits for writes in
 * progress, which may commit in another order than they took their ids.
 */
export const lastSettled = write(newestId);

function* newestId(): Query<number> {
  return (yield* first<{ id: number | null }>('SELECT max(id) AS "id" FROM events'))?.id ?? 0;
}

/** Returns how far the consumer has come; undefined if it is unknown. */
export const findConsumer = read(function* (consumer: string): Query<ConsumerState | undefined> {
  // One statement: every process looks each second, and over PostgreSQL a read of several is a transaction.
  return yield* first<ConsumerState>(
    `SELECT c.position AS "position",
            (SELECT e.at FROM events e WHERE e.id > c.position ORDER BY e.id LIMIT 1) AS "waitingSince"
       FROM event_cursors c WHERE c.consumer = ?`,
    consumer,
  );
});

/** Makes the consumer known: its first event is the next one. Does nothing if it is known already. */
export const addConsumer = write(function* (consumer: string): Query<void> {
  yield* run(
    'INSERT INTO event_cursors (consumer, position) VALUES (?, ?) ON CONFLICT (consumer) DO NOTHING',
    consumer,
    yield* newestId(),
  );
});

/** Forgets a consumer that is not used any more: it keeps no events from being deleted. */
export const removeConsumer = concurrentWrite(function* (consumer: string): Query<void> {
  yield* run('DELETE FROM event_cursors WHERE consumer = ?', consumer);
});

/**
 * Forgets the consumer of a store whose links another registry still writes. Does nothing once the adoption of that registry is
 * finished: from then on the consumer has to know every event since its beginning. Runs alone, as the end of an adoption does.
 */
export const removeConsumerBeforeAdoption = write(function* (consumer: string): Query<void> {
  yield* run(
    'DELETE FROM event_cursors WHERE consumer = ? AND NOT EXISTS (SELECT 1 FROM adoption WHERE finished_at IS NOT NULL)',
    consumer,
  );
});

/** Records that the consumer has handled all events up to `position`. Never moves back. */
export const advance = concurrentWrite(function* (consumer: string, position: number): Query<void> {
  yield* run('UPDATE event_cursors SET position = ? WHERE consumer = ? AND position < ?', position, consumer, position);
});

/** More events than a busy registry records in the time for which a consumer is moved back. */
const maxRewound = 20_000;

/** Moves a consumer back to before the events since `since`, at most by 20,000 events. */
export const rewind = concurrentWrite(function* (consumer: string, since: number): Query<void> {
  const row = yield* first<{ id: number | null }>(
    `SELECT min(id) AS "id" FROM
       (SELECT id, at FROM events WHERE id <= (SELECT position FROM event_cursors WHERE consumer = ?) ORDER BY id DESC LIMIT ?) recent
      WHERE at >= ?`,
    consumer,
    maxRewound,
    since,
  );
  if (row?.id != null) yield* run('UPDATE event_cursors SET position = ? WHERE consumer = ?', row.id - 1, consumer);
});

/** Moves a consumer back to before all events that are left. */
export const rewindToStart = concurrentWrite(function* (consumer: string): Query<void> {
  yield* run('UPDATE event_cursors SET position = 0 WHERE consumer = ?', consumer);
});

const largestId = Number.MAX_SAFE_INTEGER;

/**
 * Deletes at most `limit` of the oldest events, if they are older than `before` and all consumers have handled them.
 * Returns their number.
 */
export const prune = concurrentWrite(function* (before: number, limit: number): Query<number> {
  const rows = yield* all(
    `DELETE FROM events WHERE at < ? AND id IN
       (SELECT id FROM events WHERE id <= coalesce((SELECT min(position) FROM event_cursors), ${largestId}) ORDER BY id LIMIT ?)
     RETURNING id AS "id"`,
    before,
    limit,
  );
  return rows.length;
});
