import type { Request, Response, Router } from 'express';
import type { Actor, Administration } from '../../../../access/accounts/administration.ts';
import type { Explainer } from '../../../../access/accounts/explain.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import { type Reference, parseNamedReference, parseRepositoryName } from '../../../../oci/reference.ts';
import type { Catalog } from '../../../catalog.ts';
import type { Registry } from '../../../../registry/registry.ts';
import type { ApiServices } from '../../../api/table/route.ts';
import type { AccessControl } from '../../../auth/access-control.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { actorOf, openVisit } from '../../session/visit.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import type { Notices } from '../../shell/notice.ts';
import { redirect } from '../../shell/redirect.ts';
import { deleteTags } from './deletion.ts';
import { restoreTag, showHistory } from './history.ts';
import { giveAccess, mayManage, revokeAccess, showAccess } from './access.ts';
import {
  type FormAction,
  type ImageActions,
  type RepositoryAction,
  type RepositoryView,
  type RepositoryVisit,
  isShown,
  repositoryViews,
} from './repository-view.ts';
import { changeTexts, changeVisibility, showSettings } from './settings.ts';
import { setStar, showTags } from './tags.ts';
import { emptyEntry, restoreEntries, showTrash } from './trash.ts';

export interface RepositoryOptions {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly services: ApiServices;
  readonly access: Pick<AccessControl, 'allows'>;
  readonly publicUrl: PublicUrl;
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  readonly image: ImageActions;
  /** Undefined in mode open. */
  readonly accounts: AccountsOptions | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface AccountsOptions {
  readonly explainer: Explainer;
  /** Returns the changes that `actor` can make, recorded in its name. */
  readonly administration: (actor: Actor) => Administration;
  /** Called after each change of permissions: this process applies it at once. */
  readonly changed: () => void;
}

/** The views of a repository, by what follows `/-/` in their path. */
export const views: Readonly<Record<string, RepositoryAction>> = {
  '': showTags,
  history: showHistory,
  trash: showTrash,
  access: showAccess,
  settings: showSettings,
};

/** The forms of these views. */
const forms: Readonly<Record<string, FormAction<RepositoryAction>>> = {
  star: { needs: 'pull', action: setStar },
  'tags/delete': { needs: 'delete', action: deleteTags },
  'history/restore': { needs: 'push', action: restoreTag },
  'trash/restore': { needs: 'delete', action: restoreEntries },
  'trash/empty': { needs: 'delete', action: emptyEntry },
  'access/give': { needs: 'admin', action: giveAccess },
  'access/revoke': { needs: 'admin', action: revokeAccess },
  'settings/visibility': { needs: 'admin', action: changeVisibility },
  'settings/description': { needs: 'admin', action: changeTexts },
};

/**
 * Adds `/ui/r/NAME` and `/ui/r/REFERENCE`, such as `/ui/r/team/app:1.2`, and the views below their `/-/`. A repository that
 * the visitor may not pull looks as if it did not exist.
 */
export function addRepository(router: Router, options: RepositoryOptions): void {
  const { asVisitor, image } = options;

  router.get(
    '/r/*path',
    asVisitor(async (visitor, request, response) => {
      const { visit, reference, rest } = await open(options, visitor, request, response);
      if (reference) {
        await find(image.views, rest)({ ...visit, reference });
        return;
      }
      if (isViewName(rest) && !isShown(rest, visit.may)) throw new OciError('NAME_UNKNOWN');
      await find(views, rest)(visit);
    }),
  );
  router.post(
    '/r/*path',
    asVisitor(async (visitor, request, response) => {
      const { visit, reference, rest } = await open(options, visitor, request, response);
      if (reference) {
        const { needs, action } = find(image.forms, rest);
        requirePermission(visit, needs);
        if (needs !== 'pull') await options.services.mode.assertWritable();
        await action({ ...visit, reference });
        return;
      }
      const { needs, action } = find(forms, rest);
      requirePermission(visit, needs);
      if (needs === 'push' || needs === 'delete') await options.services.mode.assertWritable();
      await action(visit);
    }),
  );
  // The address of earlier versions.
  router.get('/repositories/*name', (request, response) => {
    redirect(response, `/ui/r/${request.params.name.map(encodeURIComponent).join('/')}`);
  });
}

function isViewName(text: string): text is RepositoryView {
  return Object.hasOwn(repositoryViews, text);
}

/** Throws NAME_UNKNOWN for a name that the table does not have. */
function find<Action>(table: Readonly<Record<string, Action>>, name: string): Action {
  const action = Object.hasOwn(table, name) ? table[name] : undefined;
  if (action === undefined) throw new OciError('NAME_UNKNOWN');
  return action;
}

/** Throws DENIED. The visitor may pull. */
function requirePermission({ may }: RepositoryVisit, needs: FormAction<unknown>['needs']): void {
  if (needs !== 'pull' && !may[needs]) throw new OciError('DENIED');
}

/** Parses what follows `/ui/r/` where it names an image. */
function parseImage(text: string): ReturnType<typeof parseNamedReference> {
  return /[:@]/.test(text) ? parseNamedReference(text) : undefined;
}

/** Throws NAME_UNKNOWN for a repository that the visitor may not pull. */
async function open(
  { registry, catalog, services, access, accounts, publicUrl, notices, now }: RepositoryOptions,
  visitor: Principal,
  request: Request,
  response: Response,
): Promise<{ visit: RepositoryVisit; reference: Reference | undefined; rest: string }> {
  const path = [request.params['path'] ?? ''].flat().join('/');
  // A component of a name never is a dash.
  const [name = '', rest = ''] = path.split('/-/', 2);
  const image = parseImage(name);
  const repository = image ? image.repository : parseRepositoryName(name);
  if (!repository || !(await access.allows(visitor, 'pull', repository))) throw new OciError('NAME_UNKNOWN');
  const actor = actorOf(publicUrl, visitor, request, response);
  const { name: actorName, ...place } = actor;
  const visit: RepositoryVisit = {
    ...openVisit({ notices, now }, visitor, request, response),
    registry,
    catalog,
    services,
    repository,
    author: { actor: actorName, ...place },
    accounts: accounts && { ...accounts, administration: accounts.administration(actor) },
    may: {
      push: await access.allows(visitor, 'push', repository),
      delete: await access.allows(visitor, 'delete', repository),
      admin: accounts !== undefined && mayManage(visitor, repository),
    },
    host: new URL(publicUrl.base(request)).host,
  };
  return { visit, reference: image?.reference, rest };
}
