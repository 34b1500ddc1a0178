import { type Query, type Value, insertRows, run } from './query.ts';

/** Steps that writes share to record events: each runs within its caller's transaction. Times are milliseconds since 1970. */

/** One line of the audit log. Never holds a secret. */
export interface AuditEvent {
  readonly at: number;
  /** Who did it: a name, `command line`, or '' for a client without a login. */
  readonly actor: string;
  /** From where: a network address, or ''. */
  readonly address: string;
  /** What: `user.create`, `login`, `manifest.push` … */
  readonly action: string;
  /** To whom or what. */
  readonly target: string;
  readonly result: 'done' | 'refused';
  /** JSON. */
  readonly detail?: string | undefined;
}

/** The client behind a change of content. Undefined where no audit log is kept: mode open. */
export interface Author {
  /** The account's name. */
  readonly actor: string;
  /** Its network address. */
  readonly address: string;
}

/** The same with the time of the change, milliseconds since 1970. */
export interface DatedAuthor extends Author {
  readonly at: number;
}

export const insertLine = 'INSERT INTO audit_events (at, actor, address, action, target, result, detail)';

/** Records what happened to a repository's content, within the write that makes it happen. */
export function* recordContentChange(
  author: DatedAuthor | undefined,
  action: 'manifest.push' | 'manifest.delete' | 'tag.delete' | 'blob.mount' | 'blob.delete',
  repository: string,
  detail: object,
): Query<void> {
  if (!author) return;
  const { at, actor, address } = author;
  yield* record({ at, actor, address, action, target: repository, result: 'done', detail: JSON.stringify(detail) });
}

/** The values of `insertLine`. */
export function lineOf({ at, actor, address, action, target, result, detail }: AuditEvent): readonly Value[] {
  return [at, actor, address, action, target, result, detail ?? null];
}

/** Writes one line. */
export function* record(event: AuditEvent): Query<void> {
  yield* insertRows(insertLine, [lineOf(event)], '');
}

/** Ends a change of rights: the audit line, and the sign for every process to look again. */
export function* changed(event: AuditEvent): Query<void> {
  yield* record(event);
  yield* run('UPDATE access_epoch SET epoch = epoch + 1 WHERE id = 1');
}
