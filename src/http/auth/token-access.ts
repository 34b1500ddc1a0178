import type { IncomingMessage } from 'node:http';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Audit } from '../../access/accounts/audit.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import {
  type Decision,
  type PermissionRequest,
  authorize,
  listsEverything,
  permits,
} from '../../access/permissions/authorize.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { AuthenticationError } from '../../access/credentials/authentication-error.ts';
import type { Permissions } from '../../access/accounts/permissions.ts';
import type { Scope } from '../../access/permissions/scope.ts';
import { visibleRepositories } from '../../access/permissions/visible-repositories.ts';
import type { UpstreamVisibility } from '../../mirror/visibility/upstream-visibility.ts';
import { OciError } from '../../oci/errors.ts';
import type { AccessControl, Need } from './access-control.ts';
import { type TokenPlace, catalogScope, challenge, scopeFor } from './challenge.ts';
import type { PublicUrl } from '../server/public-url.ts';
import { classify } from '../errors/classify.ts';
import { noteAccount } from '../server/request-record.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';

export interface TokenAccessOptions {
  readonly authenticator: Pick<Authenticator, 'principal'>;
  readonly permissions: Pick<Permissions, 'isPublic' | 'visibility'>;
  readonly metadata: MetadataStore;
  /** Public repositories of the upstreams: a mirrored repository is public only if it is public there. */
  readonly upstreams: Pick<UpstreamVisibility, 'isKnownPublic' | 'hidden'>;
  readonly publicUrl: PublicUrl;
  readonly audit: Pick<Audit, 'record'>;
  /** Returns the token server as the client sees it. */
  readonly place: (request: IncomingMessage) => TokenPlace;
}

/** Creates the access control of mode token: `authorize` decides, and this turns its decisions into HTTP errors. */
export function createTokenAccess(options: TokenAccessOptions): AccessControl {
  const { authenticator, permissions, metadata, upstreams, publicUrl, audit, place } = options;

  async function principalBy(request: IncomingMessage, authorization: string | undefined): Promise<Principal> {
    const principal = await authenticator.principal(authorization, publicUrl.clientAddress(request));
    noteAccount(request, principal.name);
    return principal;
  }

  /** Returns the client. Throws UNAUTHORIZED with a challenge for `scopes` if its login is invalid. */
  async function principalOf(request: IncomingMessage, scopes: () => readonly Scope[]): Promise<Principal> {
    try {
      return await principalBy(request, request.headers.authorization);
    } catch (error) {
      if (!(error instanceof AuthenticationError) || error.reason === 'throttled') throw error;
      const header = challenge(place(request), scopes(), error.reason === 'bearer' ? 'invalid_token' : undefined);
      throw new OciError('UNAUTHORIZED', { message: classify(error).message, headers: { 'WWW-Authenticate': header } });
    }
  }

  async function recognise(request: IncomingMessage): Promise<Principal> {
    try {
      return await principalBy(request, request.headers.authorization);
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      return principalBy(request, undefined);
    }
  }

  async function check(
    request: IncomingMessage,
    permission: (principal: Principal) => Promise<PermissionRequest>,
    scopes: () => readonly Scope[],
  ) {
    const principal = await principalOf(request, scopes);
    const requested = await permission(principal);
    const decision = authorize(principal, requested);
    if ((decision === 'deny' || decision === 'hide') && 'repository' in requested) {
      const address = publicUrl.clientAddress(request);
      const { action, repository: target } = requested;
      audit.record({ actor: principal.name, address, action, target, result: 'refused' });
    }
    if (decision !== 'allow') throw answer(decision, requested, principal, place(request), scopes());
    return principal;
  }

  async function isPublic(repository: RepositoryName, upstream: Need['upstream']): Promise<boolean> {
    if (!(await permissions.isPublic(repository))) return false;
    return upstream ? upstream.isPublic() : upstreams.isKnownPublic(repository);
  }

  /** Returns the permission request. Asks the upstream only if its answer can change the decision. */
  async function permissionFor(principal: Principal, { action, repository, upstream }: Need): Promise<PermissionRequest> {
    const permission = { action, repository, isPublic: false };
    const reads = action === 'pull' || action === 'delete';
    if (!reads || !principal.pullsPublic || authorize(principal, permission) === 'allow') return permission;
    return { ...permission, isPublic: await isPublic(repository, upstream) };
  }

  /** Resolves to true if a token with more scopes would allow the mount: then a challenge saves the client an upload. */
  async function lacksToken(principal: Principal, repository: RepositoryName): Promise<boolean> {
    const permission = { action: 'pull', repository, isPublic: await isPublic(repository, undefined) } as const;
    return permits(principal, permission) && authorize(principal, permission) === 'challenge';
  }

  return {
    authenticate: (request) =>
      check(
        request,
        () => Promise.resolve({ action: 'authenticate' }),
        () => [],
      ),
    recognise,
    async check(request, need) {
      const principal = await check(
        request,
        (principal) => permissionFor(principal, need),
        () => scopesOf(need),
      );
      if (need.from !== undefined && (await lacksToken(principal, need.from))) {
        throw answer('challenge', { action: 'authenticate' }, principal, place(request), scopesOf(need));
      }
      return principal;
    },
    allows: async (subject, action, repository) =>
      authorize(subject, await permissionFor(subject, { action, repository })) === 'allow',
    knows: async (request, repository) =>
      permits(await recognise(request), { action: 'pull', repository, isPublic: await isPublic(repository, undefined) }),
    checkList: (request) =>
      check(
        request,
        () => Promise.resolve({ action: 'list' }),
        () => [catalogScope],
      ),
    seesAll: (subject) =>
      listsEverything(subject) || (subject.admin && subject.ceiling === undefined && subject.bearer === undefined),
    visibilities: permissions.visibility,
    async *visible(subject, after) {
      yield* visibleRepositories({ metadata, hidden: upstreams.hidden }, subject, await permissions.visibility(), after);
    },
    mountable: ({ bearer = [] }) =>
      bearer.flatMap(({ type, name }) => (type === 'repository' && parseRepositoryName(name)) || []),
  };
}

/** docker retries a push for a minute if a DENIED has the standard message: this one has its own. */
function denied(permission: PermissionRequest, { name }: Principal): OciError {
  if (!('repository' in permission)) return new OciError('DENIED');
  const { action, repository } = permission;
  const verb = action === 'add' ? 'push' : action;
  return new OciError('DENIED', {
    message: `${name} has no right to ${verb} in ${repository}`,
    detail: { action: verb, name: repository },
  });
}

function scopesOf({ action, repository, from, alias }: Need): readonly Scope[] {
  return [
    scopeFor(action, repository),
    ...(from === undefined ? [] : [scopeFor('pull', from)]),
    ...(alias === undefined ? [] : [scopeFor(action, alias)]),
  ];
}

function answer(
  decision: Exclude<Decision, 'allow'>,
  permission: PermissionRequest,
  principal: Principal,
  place: TokenPlace,
  scopes: readonly Scope[],
): OciError {
  switch (decision) {
    case 'challenge': {
      const header = challenge(place, scopes, principal.bearer && 'insufficient_scope');
      return new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': header } });
    }
    case 'deny':
      return denied(permission, principal);
    case 'hide':
      return new OciError('NAME_UNKNOWN', 'repository' in permission ? { detail: { name: permission.repository } } : {});
  }
}
