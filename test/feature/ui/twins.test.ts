import { describe, expect, test } from '@jest/globals';
import { routes } from '../../../src/http/api/routes.ts';
import { createPageRouter } from '../../../src/http/ui/router.ts';
import { adminViews } from '../../../src/http/ui/views/admin/admin-view.ts';
import { imageActions } from '../../../src/http/ui/views/image/actions.ts';
import { views as repositoryViews } from '../../../src/http/ui/views/repository/router.ts';

/** The rows of the API that answer what a view shows; undefined: the view shows no data of the registry. */
const twins: Readonly<Record<string, readonly string[] | undefined>> = {
  '/': ['/repositories'],
  '/repositories': ['/repositories'],
  '/account': ['/me', '/me/tokens'],
  '/account/tokens': ['/me/tokens'],
  '/admin/users': ['/users'],
  '/admin/users/:name': ['/users/{name}', '/users/{name}/tokens', '/grants'],
  '/admin/teams': ['/teams'],
  '/admin/teams/:name': ['/teams/{name}', '/grants'],
  '/admin/robots': ['/robots'],
  '/admin/robots/:name': ['/robots/{name}', '/robots/{name}/tokens', '/grants'],
  '/admin/grants': ['/grants'],
  '/admin/explain': ['/explain'],
  '/admin/audit': ['/audit'],
  '/admin/health': ['/health'],
  '/admin/schedule': ['/schedule'],
  '/api': ['/openapi.json'],
  '/diff': ['/diff'],
  '/help': undefined,
  '/jobs': ['/jobs'],
  '/jobs/:id': ['/jobs/{id}', '/jobs/{id}/events'],
  '/login': undefined,
  '/mirror': ['/mirror/summary', '/mirror/upstreams', '/mirror/fills', '/mirror/content'],
  '/r/NAME': ['/repository', '/tags'],
  '/r/NAME/-/access': ['/access', '/explain'],
  '/r/NAME/-/history': ['/tag-history'],
  '/r/NAME/-/settings': ['/access', '/tag-rules'],
  '/r/NAME/-/trash': ['/trash'],
  '/r/NAME:TAG': ['/image', '/image/referrers'],
  '/r/NAME:TAG/-/archive': ['/archive'],
  '/r/NAME:TAG/-/file': ['/image/file'],
  '/r/NAME:TAG/-/files': ['/image/files', '/image/waste'],
  '/r/NAME:TAG/-/packages': ['/image/packages'],
  '/r/NAME:TAG/-/raw': ['/image'],
  '/r/NAME:TAG/-/referrers': ['/image/referrers', '/image/sbom', '/image/provenance'],
  // The snippets need no data but the address of the server.
  '/search': ['/search'],
  '/setup': undefined,
  '/storage': ['/storage/summary', '/storage/tree', '/gc/status'],
  '/storage/retention': ['/retention/preview'],
  '/trash': ['/storage/trash'],
  '/upload': undefined,
  '/upload/:id': ['/archives'],
};

/** Paths that lead elsewhere, and parts of logins. */
const redirects = ['/admin', '/admin/:view/:name/:action', '/assets/:version/:name', '/oidc', '/oidc/callback'];
const oldAddresses = ['/repositories/*name', '/tokens'];

/** The paths of the views, with those that have a table of their own written out. */
function viewPaths(): readonly string[] {
  const options = { publicUrl: {}, logins: { oidc: {} }, services: {}, registry: {}, catalog: {}, mirror: { upstreams: [] } };
  const { stack } = createPageRouter(options as never);
  const paths = stack.flatMap(({ route }) =>
    route && 'get' in (route as unknown as { methods: object }).methods ? route.path : [],
  );
  const sub = (name: string, views: object) => Object.keys(views).map((rest) => (rest === '' ? name : `${name}/-/${rest}`));
  const written: Readonly<Record<string, readonly string[]>> = {
    '/r/*path': [...sub('/r/NAME', repositoryViews), ...sub('/r/NAME:TAG', imageActions.views)],
    '/admin/:view': adminViews.map((view) => `/admin/${view}`),
    '/admin/:view/:name': ['users', 'teams', 'robots'].map((view) => `/admin/${view}/:name`),
  };
  return paths.flatMap((path) => written[path] ?? path).filter((path) => ![...redirects, ...oldAddresses].includes(path));
}

describe('every view has its twin in the API', () => {
  test('the table names exactly the views of the page', () => {
    expect(Object.keys(twins).sort()).toEqual([...viewPaths()].sort());
  });

  test.each(Object.entries(twins))('%s', (_view, rows = []) => {
    const readable = routes.filter(({ method }) => method === 'GET').map(({ path }) => path);
    expect(rows.filter((row) => !readable.includes(row))).toEqual([]);
  });
});
