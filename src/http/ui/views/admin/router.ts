import type { Request, Response, Router } from 'express';
import type { Actor, Administration } from '../../../../access/accounts/administration.ts';
import type { Directory } from '../../../../access/accounts/directory.ts';
import type { Explainer } from '../../../../access/accounts/explain.ts';
import type { OperationReport } from '../../../overviews/operation-report.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { actorOf, openVisit } from '../../session/visit.ts';
import { type AsVisitor, type VisitorHandler, mayAdminister } from '../../session/visitors.ts';
import type { Notices } from '../../shell/notice.ts';
import { redirect } from '../../shell/redirect.ts';
import { type AdminViewName, type AdminVisit, done, pathTo, submit } from './admin-view.ts';
import { showAudit } from './audit.ts';
import { showExplanation } from './explain.ts';
import { createGrant, revokeGrant, showGrants } from './grants.ts';
import { showHealth, showSchedule } from './operation.ts';
import { changeRobot, createRobot, showRobot, showRobots } from './robots.ts';
import { changeTeam, createTeam, removeMember, showTeam, showTeams } from './teams.ts';
import { changeUser, createUser, showUser, showUsers } from './users.ts';

export interface AdminOptions {
  readonly directory: Directory;
  readonly explainer: Explainer;
  readonly operation: OperationReport;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  readonly notices: Notices;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called after each change of permissions: this process applies it at once. */
  readonly changed: () => void;
}

interface AdminView {
  show(visit: AdminVisit): Promise<void>;
  create?(visit: AdminVisit): Promise<void>;
  /** Shows one account or team. */
  showOne?(visit: AdminVisit, name: string): Promise<void>;
  /** Makes a change of one; undefined for a change that does not exist. */
  change?(visit: AdminVisit, name: string, action: string): Promise<void> | undefined;
  /** Makes the change `kind` of a part of one, such as a secret; undefined for a change that does not exist. */
  changePart?(visit: AdminVisit, name: string, part: string, kind: string): Promise<void> | undefined;
}

const views: Readonly<Record<AdminViewName, AdminView>> = {
  users: { show: showUsers, create: createUser, showOne: showUser, change: changeUser, changePart: revokeSecret('users') },
  teams: { show: showTeams, create: createTeam, showOne: showTeam, change: changeTeam, changePart: changeMember },
  robots: { show: showRobots, create: createRobot, showOne: showRobot, change: changeRobot, changePart: revokeSecret('robots') },
  grants: {
    show: showGrants,
    create: createGrant,
    change: (visit, id, action) => (action === 'revoke' ? revokeGrant(visit, id) : undefined),
  },
  explain: { show: showExplanation },
  audit: { show: showAudit },
  schedule: { show: showSchedule },
  health: { show: showHealth },
};

function changeMember(visit: AdminVisit, name: string, account: string, kind: string): Promise<void> | undefined {
  return kind === 'members/remove' ? removeMember(visit, name, account) : undefined;
}

/** Returns the change that revokes a secret of a user or robot. */
function revokeSecret(view: 'users' | 'robots') {
  return (visit: AdminVisit, name: string, id: string, kind: string): Promise<void> | undefined => {
    if (kind !== 'tokens/revoke') return undefined;
    const again = () => (view === 'users' ? showUser(visit, name) : showRobot(visit, name));
    return submit(visit, { path: pathTo(view, name), again }, async () => {
      await visit.directory.findAccount(view === 'users' ? 'user' : 'robot', name);
      await visit.administration.revokeToken(name, id);
      return done(visit.texts.admin.secrets.revoked);
    });
  };
}

/** Adds `/ui/admin/…`: accounts, permissions and the audit log. Other visitors get 404. */
export function addAdmin(router: Router, options: AdminOptions): void {
  const asAdmin = (handler: (visit: AdminVisit, view: AdminView, request: Request) => Promise<void> | undefined) => {
    const handle: VisitorHandler = async (visitor, request, response) => {
      const name = String(request.params['view']);
      const view = Object.hasOwn(views, name) ? views[name as AdminViewName] : undefined;
      if (!view || !mayAdminister(visitor)) throw notFound();
      await (handler(visitOf(options, visitor, request, response), view, request) ?? Promise.reject(notFound()));
    };
    return options.asVisitor(handle);
  };
  const param = (request: Request, name: string) => String(request.params[name]);

  router.get(
    '/admin',
    // eslint-disable-next-line @typescript-eslint/require-await -- the other views wait for data
    options.asVisitor(async (visitor, _request, response) => {
      if (!mayAdminister(visitor)) throw notFound();
      redirect(response, pathTo('users'));
    }),
  );
  router.get(
    '/admin/:view',
    asAdmin((visit, view) => view.show(visit)),
  );
  router.post(
    '/admin/:view',
    asAdmin((visit, view) => view.create?.(visit)),
  );
  router.get(
    '/admin/:view/:name',
    asAdmin((visit, view, request) => view.showOne?.(visit, param(request, 'name'))),
  );
  router.post(
    '/admin/:view/:name/:action',
    asAdmin((visit, view, request) => view.change?.(visit, param(request, 'name'), param(request, 'action'))),
  );
  router.post(
    '/admin/:view/:name/:parts/:part/:action',
    asAdmin((visit, view, request) => {
      const kind = `${param(request, 'parts')}/${param(request, 'action')}`;
      return view.changePart?.(visit, param(request, 'name'), param(request, 'part'), kind);
    }),
  );
  // The address of a form that was rejected: its view, when the language changes there.
  router.get('/admin/:view/:name/:action', (request, response) => {
    redirect(response, `/ui/admin/${encodeURIComponent(request.params.view)}/${encodeURIComponent(request.params.name)}`);
  });
}

function notFound(): OciError {
  return new OciError('NAME_UNKNOWN');
}

function visitOf(options: AdminOptions, visitor: Principal, request: Request, response: Response): AdminVisit {
  const { directory, explainer, operation, administration, publicUrl, changed } = options;
  return {
    ...openVisit(options, visitor, request, response),
    directory,
    explainer,
    operation,
    changed,
    administration: administration(actorOf(publicUrl, visitor, request, response)),
    host: new URL(publicUrl.base(request)).host,
  };
}
