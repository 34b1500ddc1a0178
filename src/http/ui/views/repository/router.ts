import type { Request, Response, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import { type Reference, parseRepositoryName } from '../../../../oci/reference.ts';
import type { Catalog } from '../../../catalog.ts';
import type { Registry } from '../../../../registry/registry.ts';
import type { AccessControl } from '../../../auth/access-control.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { formOf } from '../../shell/form.ts';
import type { Notices } from '../../shell/notice.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import { deleteTags } from './deletion.ts';
import { restoreTag, showHistory } from './history.ts';
import { type ImageVisit, parseImage, showImage, showRaw } from './image.ts';
import type { RepositoryAction, RepositoryVisit } from './repository-view.ts';
import { showTags } from './tags.ts';
import { emptyEntry, restoreEntries, showTrash } from './trash.ts';

export interface RepositoryOptions {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly access: Pick<AccessControl, 'allows'>;
  readonly publicUrl: PublicUrl;
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The views of a repository, by what follows `/-/` in their path. */
const views: Readonly<Record<string, RepositoryAction>> = { '': showTags, history: showHistory, trash: showTrash };

/** The views of an image, by what follows `/-/` in their path. */
const imageViews: Readonly<Record<string, (visit: ImageVisit) => Promise<void>>> = { '': showImage, raw: showRaw };

/** The forms of these views, and the permission that they need. */
const forms: Readonly<Record<string, { readonly needs: 'push' | 'delete'; readonly action: RepositoryAction }>> = {
  'tags/delete': { needs: 'delete', action: deleteTags },
  'history/restore': { needs: 'push', action: restoreTag },
  'trash/restore': { needs: 'delete', action: restoreEntries },
  'trash/empty': { needs: 'delete', action: emptyEntry },
};

/**
 * Adds `/ui/r/NAME` and `/ui/r/REFERENCE`, such as `/ui/r/team/app:1.2`, and the views below their `/-/`. A repository that
 * the visitor may not pull looks as if it did not exist.
 */
export function addRepository(router: Router, options: RepositoryOptions): void {
  const { asVisitor } = options;

  router.get(
    '/r/*path',
    asVisitor(async (visitor, request, response) => {
      const { visit, reference, rest } = await open(options, visitor, request, response);
      if (reference) {
        const view = Object.hasOwn(imageViews, rest) ? imageViews[rest] : undefined;
        if (!view) throw new OciError('NAME_UNKNOWN');
        await view({ ...visit, reference });
        return;
      }
      const view = Object.hasOwn(views, rest) ? views[rest] : undefined;
      if (!view || (rest === 'trash' && !visit.may.delete)) throw new OciError('NAME_UNKNOWN');
      await view(visit);
    }),
  );
  router.post(
    '/r/*path',
    asVisitor(async (visitor, request, response) => {
      const { visit, reference, rest } = await open(options, visitor, request, response);
      const form = Object.hasOwn(forms, rest) ? forms[rest] : undefined;
      if (!form || reference) throw new OciError('NAME_UNKNOWN');
      if (!visit.may[form.needs]) throw new OciError('DENIED');
      await form.action(visit);
    }),
  );
  // The address of earlier versions.
  router.get('/repositories/*name', (request, response) => {
    redirect(response, `/ui/r/${request.params.name.map(encodeURIComponent).join('/')}`);
  });
}

/** Throws NAME_UNKNOWN for a repository that the visitor may not pull. */
async function open(
  { registry, catalog, access, publicUrl, notices, now }: RepositoryOptions,
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
  const texts = textsOf(request);
  const visit: RepositoryVisit = {
    request,
    response,
    registry,
    catalog,
    repository,
    visitor,
    author: {
      actor: visitor.name,
      address: publicUrl.clientAddress(request),
      requestId: String(response.getHeader('X-Request-Id')),
    },
    may: {
      push: await access.allows(visitor, 'push', repository),
      delete: await access.allows(visitor, 'delete', repository),
    },
    host: new URL(publicUrl.base(request)).host,
    query: queryOf(request),
    form: formOf(request),
    texts,
    language: preferencesOf(request).language,
    now: now(),
    takeNotice: () => notices.take(request, response),
    leaveNotice: (notice) => notices.leave(request, response, notice, texts.notice.more),
  };
  return { visit, reference: image?.reference, rest };
}
