import type { IncomingMessage } from 'node:http';
import type { Action } from '../../access/permissions/action.ts';
import { type Principal, anonymousPrincipal } from '../../access/permissions/principal.ts';
import type { Visibility } from '../../access/permissions/visibility.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** The client of a request. */
export type Subject = Principal;

/** The permission that a request needs. */
export interface Need {
  readonly action: Action;
  readonly repository: RepositoryName;
  /** Another repository that the request can read: required of clients that may read it but whose token does not contain it. */
  readonly from?: RepositoryName | undefined;
  /** Another name of the repository, for the challenge only. */
  readonly alias?: RepositoryName | undefined;
  /** Who may read the repository at its upstream. Used only if it decides. */
  readonly upstream?: UpstreamRights | undefined;
}

/** Who may read a repository at its upstream. */
export interface UpstreamRights {
  /** Resolves to true if everyone may read it. */
  isPublic(): Promise<boolean>;
  /** Resolves to true if a client with this `Authorization` may read it. */
  proves(authorization: string | undefined): Promise<boolean>;
  /** Resolves to a `WWW-Authenticate` header with the upstream's token server. */
  challenge(): Promise<string | undefined>;
}

/**
 * Decides what clients may do, for the protocol. A check that fails throws an OciError for the client: UNAUTHORIZED with a
 * challenge, DENIED, or the error of a repository that does not exist.
 */
export interface AccessControl {
  /** Returns the client of a request that needs no permission: `GET /v2/`. */
  authenticate(request: IncomingMessage): Promise<Subject>;
  /** Returns the client; anonymous if its login is invalid. For paths that show each client what it may see. */
  recognise(request: IncomingMessage): Promise<Subject>;
  /** Returns the client if it has the permission; at once if nothing has to be looked up. */
  check(request: IncomingMessage, need: Need): Subject | Promise<Subject>;
  /** Resolves to true if the client may do `action` in `repository`. */
  allows(subject: Subject, action: Action, repository: RepositoryName): Promise<boolean>;
  /** Resolves to true if the client may know that `repository` exists. A client with an invalid login is anonymous. */
  knows(request: IncomingMessage, repository: RepositoryName): Promise<boolean>;
  /** Returns the client if it may list repositories. */
  checkList(request: IncomingMessage): Promise<Subject>;
  /** True if the client may pull every repository, so that lists need not ask for each. */
  seesAll(subject: Subject): boolean;
  /** Returns the rules about who may pull without a login; undefined in mode open. */
  visibilities(): Promise<Pick<Visibility, 'resolve'> | undefined>;
  /** Yields the names of the repositories that the client may list, ascending, after `after`; undefined: all repositories. */
  visible(subject: Subject, after: string): AsyncIterable<RepositoryName> | undefined;
  /**
   * Returns the repositories from which a client may mount a blob without naming a source: those of its token, so that the
   * time of the search reveals nothing about others. Undefined: all repositories.
   */
  mountable(subject: Subject): readonly RepositoryName[] | undefined;
}

/** Open mode: every client may do everything. */
export const openAccess: AccessControl = {
  authenticate: () => Promise.resolve(anonymousPrincipal),
  recognise: () => Promise.resolve(anonymousPrincipal),
  check: () => anonymousPrincipal,
  allows: () => Promise.resolve(true),
  knows: () => Promise.resolve(true),
  checkList: () => Promise.resolve(anonymousPrincipal),
  seesAll: () => true,
  visibilities: () => Promise.resolve(undefined),
  visible: () => undefined,
  mountable: () => undefined,
};
