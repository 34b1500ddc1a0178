import type { IncomingMessage } from 'node:http';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Audit } from '../../access/accounts/audit.ts';
import type { Authenticator } from '../../access/authenticator.ts';
import { type Decision, type PermissionRequest, authorize, permits } from '../../access/permissions/authorize.ts';
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

export interface TokenAccessOptions {
  readonly authenticator: Pick<Authenticator, 'principal'>;
  readonly permissions: Pick<Permissions, 'isPublic' | 'visibility'>;
  readonly metadata: MetadataStore;
  /** What upstreams show to everybody: no repository is public here that is not public there. */
  readonly upstreams: Pick<UpstreamVisibility, 'isKnownPublic' | 'hidden'>;
  readonly publicUrl: PublicUrl;
  readonly audit: Pick<Audit, 'record'>;
  /** Where bearer tokens are to be had, as this client sees it. */
  readonly place: (request: IncomingMessage) => TokenPlace;
}

/** `authorize` decides, and this says it in HTTP. */
export function createTokenAccess(options: TokenAccessOptions): AccessControl {
  const { authenticator, permissions, metadata, upstreams, publicUrl, audit, place } = options;

  async function principalBy(request: IncomingMessage, authorization: string | undefined): Promise<Principal> {
    const principal = await authenticator.principal(authorization, publicUrl.clientAddress(request));
    noteAccount(request, principal.name);
    return principal;
  }

  /** Who is asking. A client that is not who it says is told for what to get a token. */
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
    const asked = await permission(principal);
    const decision = authorize(principal, asked);
    if ((decision === 'deny' || decision === 'hide') && 'repository' in asked) {
      const address = publicUrl.clientAddress(request);
      const { action, repository: target } = asked;
      audit.record({ actor: principal.name, address, action, target, result: 'refused' });
    }
    if (decision !== 'allow') throw answer(decision, asked, principal, place(request), scopes());
    return principal;
  }

  async function isPublic(repository: string, upstream: Need['upstream']): Promise<boolean> {
    if (!(await permissions.isPublic(repository))) return false;
    return upstream ? upstream.isPublic() : upstreams.isKnownPublic(repository);
  }

  /** An upstream is asked for nobody who may without, or may not in any case. */
  async function wishFor(principal: Principal, { action, repository, upstream }: Need): Promise<PermissionRequest> {
    const permission = { action, repository, isPublic: false };
    const reads = action === 'pull' || action === 'delete';
    if (!reads || !principal.pullsPublic || authorize(principal, permission) === 'allow') return permission;
    return { ...permission, isPublic: await isPublic(repository, upstream) };
  }

  /** Whether a token for more would let it read there: then it had better get one than send what is there already. */
  async function lacksToken(principal: Principal, repository: string): Promise<boolean> {
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
        (principal) => wishFor(principal, need),
        () => scopesOf(need),
      );
      if (need.from !== undefined && (await lacksToken(principal, need.from))) {
        throw answer('challenge', { action: 'authenticate' }, principal, place(request), scopesOf(need));
      }
      return principal;
    },
    allows: async (subject, action, repository) => authorize(subject, await wishFor(subject, { action, repository })) === 'allow',
    knows: async (request, repository) =>
      permits(await recognise(request), { action: 'pull', repository, isPublic: await isPublic(repository, undefined) }),
    checkList: (request) =>
      check(
        request,
        () => Promise.resolve({ action: 'list' }),
        () => [catalogScope],
      ),
    async *visible(subject, after) {
      yield* visibleRepositories({ metadata, hidden: upstreams.hidden }, subject, await permissions.visibility(), after);
    },
    mountable: ({ bearer = [] }) => bearer.flatMap(({ type, name }) => (type === 'repository' ? [name] : [])),
  };
}

/** docker tries a push again for a minute where a DENIED has only the usual message: this one says more. */
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
