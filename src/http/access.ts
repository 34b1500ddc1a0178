import type { IncomingMessage } from 'node:http';

/** What a request wants to do; in the words of the token scope (`repository:NAME:pull`). */
export type Action = 'pull' | 'push' | 'delete';

/** Who makes a request. */
export interface Subject {
  /** For the log and the audit trail; '' for a client without a login. */
  readonly name: string;
}

/**
 * The seam between the protocol and who may do what. The protocol asks; it never decides.
 * A check that fails throws the OciError that the client may read: UNAUTHORIZED with a challenge, DENIED, or the same
 * answer as for something that does not exist.
 */
export interface AccessControl {
  /** Who is asking, for a request that needs nothing in particular: `GET /v2/`. */
  authenticate(request: IncomingMessage): Promise<Subject>;
  /** May the client do `action` in `repository`? */
  check(request: IncomingMessage, action: Action, repository: string): Promise<Subject>;
  /** The same question about something else, in the middle of a request. */
  allows(subject: Subject, action: Action, repository: string): Promise<boolean>;
  /** Which of `repositories` may appear in a listing. */
  visible(subject: Subject, repositories: readonly string[]): Promise<readonly string[]>;
}

const anyone: Subject = { name: '' };

/** Open mode: everybody may do everything. */
export const openAccess: AccessControl = {
  authenticate: () => Promise.resolve(anyone),
  check: () => Promise.resolve(anyone),
  allows: () => Promise.resolve(true),
  visible: (_subject, repositories) => Promise.resolve(repositories),
};
