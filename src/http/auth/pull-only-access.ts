import { isPush } from '../../access/permissions/action.ts';
import { OciError } from '../../oci/errors.ts';
import type { AccessControl } from './access-control.ts';
import type { RepositoryName } from '../../oci/reference.ts';

export interface PullOnlyOptions {
  /** Resolves to true if nothing may be pushed into the repository. Called for pushes only. */
  readonly isPullOnly: (repository: RepositoryName) => Promise<boolean>;
  /** The upstream that owns the names, for the message: `docker.io`. */
  readonly upstream: string;
}

/** Returns `control` without pushes into names of an upstream. The message of a refusal names the setting. */
export function createPullOnlyAccess(control: AccessControl, { isPullOnly, upstream }: PullOnlyOptions): AccessControl {
  return {
    ...control,
    async check(request, need) {
      const subject = await control.check(request, need);
      if (isPush(need.action) && (await isPullOnly(need.repository))) throw pullOnly(need.repository, upstream);
      return subject;
    },
    allows: async (subject, action, repository) =>
      (await control.allows(subject, action, repository)) && !(isPush(action) && (await isPullOnly(repository))),
  };
}

function pullOnly(repository: string, upstream: string): OciError {
  return new OciError('DENIED', {
    message:
      `${repository} is a name of ${upstream}, the default upstream of this mirror: push under another name, ` +
      'or let the operator list it in mirror.allowPush',
    detail: { action: 'push', name: repository },
  });
}
