import type { z } from 'zod';
import type { ShownToken } from '../../../access/accounts/administration.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import { OciError } from '../../../oci/errors.ts';
import { needsPassword } from '../table/permissions.ts';
import type { AccountContext } from '../table/route.ts';
import type { newToken } from '../table/schemas.ts';

/** Handlers of `/me`: what each account may see and change about itself. */

export function showMe(_input: unknown, { principal: { name, kind, admin } }: AccountContext) {
  if (kind !== 'user' && kind !== 'robot') return Promise.reject(new OciError('DENIED'));
  return Promise.resolve({ name, kind, admin });
}

export async function changePassword(
  { body }: { readonly body: { readonly password: string } },
  { principal, administration }: AccountContext,
) {
  await administration.setPassword(principal.name, body.password);
}

export async function listOwnTokens(
  _input: unknown,
  { principal, directory }: AccountContext,
): Promise<{ readonly items: readonly ShownToken[] }> {
  const tokens = await directory.listTokens(principal.name);
  return { items: tokens.filter(({ id }) => managesToken(principal, id)) };
}

export async function createOwnToken(
  { body }: { readonly body: z.output<typeof newToken> },
  { principal, administration }: AccountContext,
) {
  return administration.createToken({ account: principal.name, ...body });
}

export async function revokeOwnToken(
  { params }: { readonly params: { readonly id: string } },
  { principal, administration }: AccountContext,
) {
  if (!managesToken(principal, params.id)) throw needsPassword();
  await administration.revokeToken(principal.name, params.id);
}

/** True if the client may see and end the token: a login all of its account, an access token only itself. */
function managesToken({ secretId }: Principal, tokenId: string): boolean {
  return secretId === undefined || secretId === tokenId;
}
