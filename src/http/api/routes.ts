import { accountRoutes } from './account-routes.ts';
import { createRobot, createUser, importHtpasswd } from './accounts.ts';
import { listAuditLines } from './audit.ts';
import { createGrant, deleteGrant, listGrants, listVisibilityRules, patternOfGrant, setVisibility } from './grants.ts';
import { contentRoutes } from './content-routes.ts';
import { rotateKeys } from './keys.ts';
import { changePassword, createOwnToken, listOwnTokens, revokeOwnToken, showMe } from './me.ts';
import { listNamespaces, releaseNamespace } from './namespaces.ts';
import { type OpenApiDocument, describeApi } from './openapi.ts';
import { retentionRoutes } from './retention.ts';
import { type Route, created, noContent, ok, route } from './route.ts';
import * as s from './schemas.ts';
import { addMember, createTeam, deleteTeam, listTeams, removeMember, showTeam } from './teams.ts';

/** THE TABLE: the API, row by row. The OpenAPI document and the tests of permissions are made from it. */
export const routes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    needs: 'nothing',
    returns: ok(s.openApiDocument),
    handler: showDocument,
  }),
  route({
    method: 'GET',
    path: '/me',
    summary: 'Show the account of the login',
    needs: 'account',
    returns: ok(s.me),
    handler: showMe,
  }),
  route({
    method: 'PUT',
    path: '/me/password',
    summary: 'Change the password of the login',
    needs: 'password',
    body: s.newPassword,
    returns: noContent,
    handler: changePassword,
  }),
  route({
    method: 'GET',
    path: '/me/tokens',
    summary: 'List the access tokens of the login',
    needs: 'account',
    returns: ok(s.tokens),
    handler: listOwnTokens,
  }),
  route({
    method: 'POST',
    path: '/me/tokens',
    summary: 'Create an access token of the login',
    needs: 'password',
    body: s.newToken,
    returns: created(s.issuedSecret),
    handler: createOwnToken,
  }),
  route({
    method: 'DELETE',
    path: '/me/tokens/{id}',
    summary: 'Revoke an access token of the login',
    needs: 'account',
    params: s.byTokenId,
    returns: noContent,
    handler: revokeOwnToken,
  }),
  ...accountRoutes('user', '/users'),
  route({
    method: 'POST',
    path: '/users',
    summary: 'Create a user',
    needs: 'admin',
    body: s.newUser,
    returns: created(s.namespaceStatus),
    handler: createUser,
  }),
  ...accountRoutes('robot', '/robots'),
  route({
    method: 'POST',
    path: '/robots',
    summary: 'Create a robot and its secret',
    needs: 'admin',
    body: s.newRobot,
    returns: created(s.createdRobot),
    handler: createRobot,
  }),
  route({
    method: 'GET',
    path: '/namespaces',
    summary: 'List namespaces and their owners',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(s.namespace)),
    handler: listNamespaces,
  }),
  route({
    method: 'DELETE',
    path: '/namespaces/{name}',
    summary: 'Release the namespace of a deleted account',
    needs: 'admin',
    params: s.byName,
    returns: ok(s.namespaceStatus),
    handler: releaseNamespace,
  }),
  route({
    method: 'GET',
    path: '/teams',
    summary: 'List teams',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(s.named)),
    handler: listTeams,
  }),
  route({
    method: 'POST',
    path: '/teams',
    summary: 'Create a team',
    needs: 'admin',
    body: s.newTeam,
    returns: created(s.named),
    handler: createTeam,
  }),
  route({
    method: 'GET',
    path: '/teams/{name}',
    summary: 'Show a team and its members',
    needs: 'admin',
    params: s.byName,
    returns: ok(s.team),
    handler: showTeam,
  }),
  route({
    method: 'DELETE',
    path: '/teams/{name}',
    summary: 'Delete a team and its grants',
    needs: 'admin',
    params: s.byName,
    returns: noContent,
    handler: deleteTeam,
  }),
  route({
    method: 'PUT',
    path: '/teams/{name}/members/{account}',
    summary: 'Add an account to a team',
    needs: 'admin',
    params: s.byNameAndAccount,
    returns: noContent,
    handler: addMember,
  }),
  route({
    method: 'DELETE',
    path: '/teams/{name}/members/{account}',
    summary: 'Remove an account from a team',
    needs: 'admin',
    params: s.byNameAndAccount,
    returns: noContent,
    handler: removeMember,
  }),
  route({
    method: 'GET',
    path: '/grants',
    summary: 'List grants',
    needs: 'admin',
    query: s.pageByNumber,
    returns: ok(s.pageOf(s.grant)),
    handler: listGrants,
  }),
  route({
    method: 'POST',
    path: '/grants',
    summary: 'Grant actions; replaces the grant of the subject for the same pattern',
    needs: { adminOf: ({ body }) => body.pattern },
    body: s.newGrant,
    returns: created(s.grantId),
    handler: createGrant,
  }),
  route({
    method: 'DELETE',
    path: '/grants/{id}',
    summary: 'Revoke a grant',
    needs: { adminOf: patternOfGrant },
    params: s.byNumber,
    returns: noContent,
    handler: deleteGrant,
  }),
  route({
    method: 'GET',
    path: '/visibilities',
    summary: 'List the rules of what is public',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(s.visibility)),
    handler: listVisibilityRules,
  }),
  route({
    method: 'PUT',
    path: '/visibilities',
    summary: 'Make repositories public or private, or remove the rule',
    needs: { adminOf: ({ body }) => body.pattern },
    body: s.newVisibility,
    returns: noContent,
    handler: setVisibility,
  }),
  route({
    method: 'GET',
    path: '/audit',
    summary: 'List the audit log, newest line first',
    needs: 'admin',
    query: s.auditQuery,
    returns: ok(s.pageOf(s.auditLine)),
    handler: listAuditLines,
  }),
  route({
    method: 'POST',
    path: '/keys',
    summary: 'Rotate the key that signs bearer tokens',
    needs: 'admin',
    body: s.nothing,
    returns: noContent,
    handler: rotateKeys,
  }),
  route({
    method: 'POST',
    path: '/htpasswd',
    summary: 'Create the users of an htpasswd file (bcrypt)',
    needs: 'admin',
    body: s.htpasswdFile,
    returns: created(s.importedUsers),
    handler: importHtpasswd,
  }),
  ...contentRoutes,
  ...retentionRoutes,
];

let document: OpenApiDocument | undefined;

/** The document is made at the first request: it takes some milliseconds. */
function showDocument(): Promise<OpenApiDocument> {
  return Promise.resolve((document ??= describeApi(routes)));
}
