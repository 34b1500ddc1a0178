import { accessRoutes } from './access/access-routes.ts';
import { archiveRoutes } from './content/archives.ts';
import { catalogRoutes, starRoutes } from './content/catalog.ts';
import { contentRoutes } from './content/content-routes.ts';
import { adoptionRoutes } from './maintenance/adoption.ts';
import { imageRoutes } from './images/image-routes.ts';
import { referrerRoutes } from './images/referrer-routes.ts';
import { backupRoutes } from './maintenance/backups.ts';
import { jobRoutes } from './maintenance/jobs.ts';
import { collectionRoutes } from './maintenance/garbage-collection.ts';
import { clientCheckRoutes } from './maintenance/client-checks.ts';
import { mirrorRoutes } from './maintenance/mirror.ts';
import { modeRoutes } from './maintenance/mode.ts';
import { operationRoutes } from './maintenance/operation.ts';
import { quotaRoutes } from './maintenance/quotas.ts';
import { retentionRoutes } from './maintenance/retention.ts';
import { storageRoutes } from './maintenance/storage.ts';
import { syncRoutes } from './maintenance/sync.ts';
import { type OpenApiDocument, describeApi } from './table/openapi.ts';
import { webhookRoutes } from './maintenance/webhooks.ts';
import { verificationRoutes } from './maintenance/verification.ts';
import { type Route, ok, route } from './table/route.ts';
import * as s from './table/schemas.ts';

/** The rows that do not need accounts: all rows of mode open. */
const openRoutes: readonly Route[] = [
  ...catalogRoutes,
  ...contentRoutes,
  ...archiveRoutes,
  ...imageRoutes,
  ...referrerRoutes,
  ...retentionRoutes,
  ...operationRoutes,
  ...adoptionRoutes,
  ...backupRoutes,
  ...jobRoutes,
  ...collectionRoutes,
  ...verificationRoutes,
  ...syncRoutes,
  ...quotaRoutes,
  ...modeRoutes,
  ...storageRoutes,
  ...webhookRoutes,
  ...mirrorRoutes,
  ...clientCheckRoutes,
];

/** THE TABLE: the API, row by row. The OpenAPI document and the tests of permissions are made from it. */
export const routes: readonly Route[] = described([...accessRoutes, ...starRoutes, ...openRoutes]);

const routesOfOpenMode: readonly Route[] = described(openRoutes);

/** Returns the rows that a server has. */
export function routesOf({ hasAccounts }: { readonly hasAccounts: boolean }): readonly Route[] {
  return hasAccounts ? routes : routesOfOpenMode;
}

/** Adds the row with the OpenAPI document of all of them. The first request makes the document: it takes some milliseconds. */
function described(rows: readonly Route[]): readonly Route[] {
  let document: OpenApiDocument | undefined;
  const all: readonly Route[] = [
    route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This document',
      needs: 'nothing',
      returns: ok(s.openApiDocument),
      handler: () => Promise.resolve((document ??= describeApi(all))),
    }),
    ...rows,
  ];
  return all;
}
