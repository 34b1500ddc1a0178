import { authorize } from '../../access/permissions/authorize.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import type { JobViewer } from '../../progress/job.ts';

/** Returns which jobs a client may see: admins see all, apart from their access tokens, which see those of the account. */
export function jobViewerOf(principal: Principal): JobViewer {
  return { owner: principal.id, seesAll: authorize(principal, { action: 'administer' }) === 'allow' };
}
