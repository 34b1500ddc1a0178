import type { IncomingMessage } from 'node:http';
import type { Action } from '../../access/permissions/action.ts';
import { type Principal, anonymousPrincipal } from '../../access/permissions/principal.ts';

/** Who makes a request. */
export type Subject = Principal;

/** What a request needs to be allowed. */
export interface Need {
  readonly action: Action;
  readonly repository: string;
  /** Another repository that it would like to read from: asked for only of who may, and whose token does not say so. */
  readonly from?: string | undefined;
  /** Another name of the repository: named in the challenge, not asked for. */
  readonly alias?: string | undefined;
  /** Who may read the repository where it is mirrored from. Asked only where it decides. */
  readonly upstream?: UpstreamRights | undefined;
}

/** What an upstream says of a repository that somebody would like to read. */
export interface UpstreamRights {
  /** Whether it shows it to everybody. */
  isPublic(): Promise<boolean>;
  /** Whether it shows it to a client that sends this `Authorization`. */
  proves(authorization: string | undefined): Promise<boolean>;
  /** `WWW-Authenticate` that leads to its own token server. */
  challenge(): Promise<string | undefined>;
}

/**
 * The seam between the protocol and who may do what. The protocol asks; it never decides.
 * A check that fails throws the OciError that the client may read: UNAUTHORIZED with a challenge, DENIED, or the same
 * answer as for something that does not exist.
 */
export interface AccessControl {
  /** Who is asking, for a request that needs nothing in particular: `GET /v2/`. */
  authenticate(request: IncomingMessage): Promise<Subject>;
  /** Who is asking; a client that is not who it says is nobody. For what is shown to everybody as far as they may see it. */
  recognise(request: IncomingMessage): Promise<Subject>;
  /** Who is asking, and may do what it needs. */
  check(request: IncomingMessage, need: Need): Promise<Subject>;
  /** May the client do `action` in `repository`? Asked in the middle of a request. */
  allows(subject: Subject, action: Action, repository: string): Promise<boolean>;
  /** Whether the client may know if `repository` exists. A client that is not who it says is nobody. */
  knows(request: IncomingMessage, repository: string): Promise<boolean>;
  /** Who is asking, and may list repositories. */
  checkList(request: IncomingMessage): Promise<Subject>;
  /** The repositories that may appear in a listing, after `after`, ascending; undefined: all that there are. */
  visible(subject: Subject, after: string): AsyncIterable<string> | undefined;
  /**
   * Where a blob is looked for that the client would mount from anywhere: repositories that it names itself, so that the
   * time of the search tells nothing of what is kept from it. Undefined: everywhere.
   */
  mountable(subject: Subject): readonly string[] | undefined;
}

/** Open mode: everybody may do everything. */
export const openAccess: AccessControl = {
  authenticate: () => Promise.resolve(anonymousPrincipal),
  recognise: () => Promise.resolve(anonymousPrincipal),
  check: () => Promise.resolve(anonymousPrincipal),
  allows: () => Promise.resolve(true),
  knows: () => Promise.resolve(true),
  checkList: () => Promise.resolve(anonymousPrincipal),
  visible: () => undefined,
  mountable: () => undefined,
};
