import type { Digest } from '../../../../src/oci/digest.ts';
import type { RepositoryName } from '../../../../src/oci/reference.ts';
import { type Query, type Value, insertRows, run } from './query.ts';

/**
 * Query steps that record events, shared by all writes. Callers must run them in their own transaction, so that no change lacks
 * its event. Times are milliseconds since 1970.
 */

/** An event, as the audit log shows it. Never holds a secret. */
export interface AuditEvent {
  readonly at: number;
  /** Name of the actor, `command line`, or '' for a client without a login. */
  readonly actor: string;
  /** Network address of the client, or ''. */
  readonly address: string;
  /** Kind of the event (`kind` in the table): `user.create`, `login`, `manifest.push` … */
  readonly action: string;
  /** Name of the account, team, repository or other thing that the event is about. */
  readonly target: string;
  readonly result: 'done' | 'refused';
  /** JSON. */
  readonly detail?: string | undefined;
  /** Id of the request that caused the event. */
  readonly requestId?: string | undefined;
}

/** The client that changes content, and the time of the change. */
export interface DatedAuthor {
  /** Name of the account; '' for a client without a login. */
  readonly actor: string;
  /** Network address; '' if no client caused the change. */
  readonly address: string;
  readonly requestId?: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A tag that was written, and the digest that it pointed at before; null: the tag is new. */
export interface TagMove {
  readonly name: string;
  readonly before: Digest | null;
}

/** Kinds of events that change the content of a repository. */
export type ContentEventKind =
  | 'manifest.push'
  | 'manifest.delete'
  | 'manifest.restore'
  | 'tag.delete'
  | 'tag.restore'
  | 'trash.empty'
  | 'trash.yield'
  | 'hold.add'
  | 'hold.remove'
  | 'blob.mount'
  | 'blob.delete';

/** A change of a repository's content. */
export interface ContentChange {
  readonly kind: ContentEventKind;
  readonly repository: RepositoryName;
  /** The manifest or blob; for `tag.delete` the manifest that the tag pointed at. */
  readonly digest: Digest;
  readonly tag?: string | undefined;
  /** The digest that the tag pointed at before; null if the tag is new, or if it is not known. */
  readonly previous?: Digest | null | undefined;
  /** What the other fields do not hold. */
  readonly detail?: object | undefined;
}

const insertEvent = `INSERT INTO events
  (at, actor, address, kind, target, result, detail, request_id, repository, tag, digest, previous)`;

/** Records events that belong to no repository, with one statement for each 500. */
export function* recordAll(events: readonly AuditEvent[]): Query<void> {
  yield* insertRows(insertEvent, events.map(valuesOf), '');
}

function valuesOf({ at, actor, address, action, target, result, detail, requestId }: AuditEvent): readonly Value[] {
  return [at, actor, address, action, target, result, detail ?? null, requestId ?? null, null, null, null, null];
}

/** Records one event that belongs to no repository. */
export function record(event: AuditEvent): Query<void> {
  return recordAll([event]);
}

/** Records a change of a repository's content. */
export function recordContentChange(author: DatedAuthor, change: ContentChange): Query<void> {
  return recordContentChanges(author, [change]);
}

/** Records changes of repositories' content, with one statement for each 500. */
export function* recordContentChanges(author: DatedAuthor, changes: readonly ContentChange[]): Query<void> {
  const { at, actor, address, requestId = null } = author;
  const rows = changes.map((change) => {
    const { kind, repository, digest, tag = null, previous = null } = change;
    const detail = change.detail ? JSON.stringify(change.detail) : null;
    return [at, actor, address, kind, repository, 'done', detail, requestId, repository, tag, digest, previous];
  });
  yield* insertRows(insertEvent, rows, '');
}

/** Records a push of a manifest: one event, however many tags it moved. */
export function recordPush(
  author: DatedAuthor,
  repository: RepositoryName,
  digest: Digest,
  tags: readonly TagMove[],
): Query<void> {
  const [only] = tags;
  const moved =
    tags.length === 1 && only ? { tag: only.name, previous: only.before } : { detail: tags.length > 0 ? { tags } : undefined };
  return recordContentChange(author, { kind: 'manifest.push', repository, digest, ...moved });
}

/** Records the event and increments `access_epoch`, so that every process drops its cached permissions. */
export function* recordAccessChange(event: AuditEvent): Query<void> {
  yield* record(event);
  yield* run('UPDATE access_epoch SET epoch = epoch + 1 WHERE id = 1');
}
