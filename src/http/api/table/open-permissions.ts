import { OciError } from '../../../oci/errors.ts';
import { requireRight } from '../../auth/require-right.ts';
import type { RowPermissions } from './permissions.ts';
import type { Needs } from './route.ts';

/**
 * Makes the permissions of mode open. No client is an admin, so the command line changes the installation. Every client may read
 * what an admin reads, unless there are repositories that not every client may pull (`hidesContent`): these rows name them.
 */
export function createOpenPermissions({ hidesContent }: { readonly hidesContent: () => boolean }): RowPermissions {
  return {
    beforeBody(_principal, { method, needs }) {
      if (!needsAdmin(needs)) return;
      if (method !== 'GET') throw onlyOnCommandLine('change this');
      if (hidesContent()) throw onlyOnCommandLine('read this, because it could name repositories that not every client may pull');
    },
    async afterBody(context, { needs }, input) {
      if (typeof needs !== 'object' || !('action' in needs)) return;
      const repository = needs.repositoryOf(input);
      // Only a first push of images reads nothing of the repository.
      if (needs.action !== 'add') await requireRight(context, 'pull', repository);
      await requireRight(context, needs.action, repository);
    },
  };
}

function needsAdmin(needs: Needs): boolean {
  return needs === 'admin' || needs === 'password' || (typeof needs === 'object' && 'adminOf' in needs);
}

function onlyOnCommandLine(what: string): OciError {
  const message = `access.mode is open, so no client may ${what}: use the command line on the server (berth --help)`;
  return new OciError('DENIED', { message });
}
