import type { Request, Response, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { RepositoryName } from '../../../../oci/reference.ts';
import type { ApiServices } from '../../../api/table/route.ts';
import type { AccessControl } from '../../../auth/access-control.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import { actorOf, openVisit } from '../../session/visit.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import type { Notices } from '../../shell/notice.ts';
import { commitUpload, discardUpload, showPreview } from './preview.ts';
import { receiveUpload, showUploadForm } from './upload-form.ts';
import type { UploadVisit } from './upload-view.ts';

export interface UploadOptions {
  readonly services: Pick<ApiServices, 'imports' | 'mode'>;
  readonly access: Pick<AccessControl, 'allows'>;
  readonly publicUrl: PublicUrl;
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/upload`, for visitors who may push somewhere, and `/ui/upload/ID`, the preview of an uploaded file. */
export function addUpload(router: Router, options: UploadOptions): void {
  const { asVisitor } = options;
  const handled = (action: (visit: UploadVisit, id: string) => Promise<void>) =>
    asVisitor(async (visitor, request, response) => {
      if (request.method === 'POST') await options.services.mode.assertWritable();
      const visit = open(options, visitor, request, response);
      if (!(await mayUpload(visit))) throw new OciError('DENIED', { message: visit.texts.upload.notAllowed });
      await action(visit, String(request.params['id']));
    });
  router.get('/upload', handled(showUploadForm));
  router.post('/upload', handled(receiveUpload));
  router.get('/upload/:id', handled(showPreview));
  router.post('/upload/:id/commit', handled(commitUpload));
  router.post('/upload/:id/discard', handled(discardUpload));
}

/** Any name does in mode open: all repositories have the same permissions there, apart from those of upstreams. */
const anyName = 'upload' as RepositoryName;

async function mayUpload({ visitor, client }: UploadVisit): Promise<boolean> {
  if (visitor.kind === 'anonymous') return client.allows('add', anyName);
  return visitor.admin || visitor.grants.patterns('add').length > 0;
}

function open(
  { services, access, publicUrl, notices, now }: UploadOptions,
  visitor: Principal,
  request: Request,
  response: Response,
): UploadVisit {
  const { name, ...place } = actorOf(publicUrl, visitor, request, response);
  return {
    ...openVisit({ notices, now }, visitor, request, response),
    imports: services.imports,
    client: {
      principal: visitor,
      allows: (action, repository) => access.allows(visitor, action, repository),
      author: { actor: name, ...place },
    },
  };
}
