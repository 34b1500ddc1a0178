import type { Action } from '../../access/permissions/action.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import { OciError } from '../../oci/errors.ts';
import type { RepositoryName } from '../../oci/reference.ts';

/** A client and what it may do. */
export interface Client {
  readonly principal: Principal;
  /** Resolves to true if the client may do this in the repository. */
  allows(action: Action, repository: RepositoryName): Promise<boolean>;
}

/** Throws DENIED, and NAME_UNKNOWN for a repository that the client may not pull from, whether it exists or not. */
export async function requireRight({ principal, allows }: Client, action: Action, repository: RepositoryName): Promise<void> {
  if (await allows(action, repository)) return;
  if (!(await allows('pull', repository))) throw new OciError('NAME_UNKNOWN', { detail: { name: repository } });
  const { name } = principal;
  const message =
    name === '' ? `${action} is not allowed in ${repository}` : `${name} has no right to ${action} in ${repository}`;
  throw new OciError('DENIED', { message });
}
