import type { Request, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { OperationReport } from '../../../overviews/operation-report.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import { sendPage } from '../../shell/page.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import { adminTabs, pathTo } from './admin-view.ts';
import { healthContent, scheduleContent } from './operation.ts';

export interface OpenAdminOptions {
  readonly operation: OperationReport;
  readonly access: {
    /** False where there are repositories that not every client may pull: the views could name them. */
    seesAll(visitor: Principal): boolean;
  };
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The views of admins that change nothing and need no accounts. */
export const openAdminViews = ['schedule', 'health'] as const;

const contents = { schedule: scheduleContent, health: healthContent };

/** Adds `/ui/admin/schedule` and `/ui/admin/health` of mode open, which has no admins: every visitor may read them. */
export function addOpenAdmin(router: Router, { operation, access, asVisitor, now }: OpenAdminOptions): void {
  router.get('/admin', (_request, response) => {
    redirect(response, pathTo('health'));
  });
  router.get(
    '/admin/:view',
    asVisitor(async (visitor, request: Request, response) => {
      const view = openAdminViews.find((name) => name === request.params['view']);
      if (!view || !access.seesAll(visitor)) throw new OciError('NAME_UNKNOWN');
      const [texts, { language }] = [textsOf(request), preferencesOf(request)];
      const content = await contents[view]({ operation, texts, language, now: now() });
      const page = adminTabs(texts, openAdminViews, view, content);
      sendPage(response, 200, { title: texts.admin.views[view], current: 'admin', content: page });
    }),
  );
}
