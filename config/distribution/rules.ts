import { type Convert, duration, endpoint, isTrue, listenAddress, not, prefix, text } from './convert.ts';

/** What becomes of a key of Distribution's configuration: a key of berth, a remark, or both. */
export interface Rule {
  /** The key of berth; undefined: none. */
  readonly to?: string;
  /** Returns the value for berth; undefined: none. Default: the value itself. */
  readonly convert?: Convert;
  readonly remark?: string;
}

const same = (to: string): Rule => ({ to, convert: text });
const note = (remark: string): Rule => ({ remark });

const ownWay = 'berth has no such setting: it chooses by itself';
const noDriver = 'berth has no driver for this store: copy the images to a folder or to S3';
const noCache = 'not needed: berth asks its own metadata, not a cache';
const noHooks = 'no counterpart: let a collector of logs send messages';
const noMiddleware = 'no counterpart: clients get presigned URLs of the bucket, see storage.blobs.s3.redirect and publicEndpoint';
const noNotifications = 'no counterpart: messages name the manifest, and the registry has what it references';
const noClientCertificates = 'no counterpart: a reverse proxy can require client certificates';
const readiness = 'GET /readyz asks both stores; there are no other checks';
const ownTls = 'berth uses the safe defaults of Node.js: TLS 1.2 and newer';

const serverSide: Convert = (_value, tree) =>
  isTrue(tree.get('storage.s3.encrypt')) ? (tree.get('storage.s3.keyid') ? 'aws:kms' : 'AES256') : undefined;
const onlyFor =
  (driver: string, convert: Convert): Convert =>
  (value, tree) =>
    tree.get(`storage.${driver}`) ? convert(value, tree) : undefined;
const readOnly: Convert = (value) => (isTrue(value) ? true : undefined);

/** By key; a rule is also for all keys below its own, unless one of those has a rule. */
export const rules: Readonly<Record<string, Rule>> = {
  version: note('the version of the format'),
  'log.level': same('log.level'),
  loglevel: same('log.level'),
  'log.formatter': { to: 'log.format', convert: (value) => (value === 'text' ? 'pretty' : 'json') },
  'log.accesslog': note('each request is a line of the log; log.level: warn hides them'),
  'log.fields': note('no counterpart: a collector of logs can add fields'),
  'log.hooks': note(noHooks),
  'log.reportcaller': note(ownWay),
  'storage.filesystem.rootdirectory': same('storage.blobs.directory'),
  'storage.filesystem.maxthreads': note(ownWay),
  'storage.s3.bucket': same('storage.blobs.s3.bucket'),
  'storage.s3.region': same('storage.blobs.s3.region'),
  'storage.s3.regionendpoint': { to: 'storage.blobs.s3.endpoint', convert: endpoint },
  'storage.s3.forcepathstyle': { to: 'storage.blobs.s3.forcePathStyle', convert: isTrue },
  'storage.s3.accesskey': same('storage.blobs.s3.accessKeyId'),
  'storage.s3.secretkey': same('storage.blobs.s3.secretAccessKey'),
  'storage.s3.sessiontoken': note('set AWS_SESSION_TOKEN and the other variables of the AWS SDK instead of keys'),
  'storage.s3.rootdirectory': { to: 'storage.blobs.s3.prefix', convert: prefix },
  'storage.s3.encrypt': { to: 'storage.blobs.s3.serverSideEncryption', convert: serverSide },
  'storage.s3.keyid': {
    to: 'storage.blobs.s3.kmsKeyId',
    convert: (value, tree) => (isTrue(tree.get('storage.s3.encrypt')) ? text(value) : undefined),
  },
  'storage.s3.storageclass': {
    to: 'storage.blobs.s3.storageClass',
    convert: (value) => (value === 'NONE' ? undefined : text(value)),
  },
  'storage.s3.secure': note('the scheme of storage.blobs.s3.endpoint says it'),
  'storage.s3.skipverify': note('no counterpart: NODE_EXTRA_CA_CERTS names the certificate of a private authority'),
  'storage.s3.accelerate': note('no counterpart'),
  'storage.s3.usedualstack': note('no counterpart: name a dual-stack endpoint in storage.blobs.s3.endpoint'),
  'storage.s3.objectacl': note('no counterpart: the policy of the bucket applies'),
  'storage.s3': note(ownWay),
  'storage.azure': note(noDriver),
  'storage.gcs': note(`${noDriver}; GCS also speaks S3 (endpoint https://storage.googleapis.com, HMAC keys)`),
  'storage.swift': note(noDriver),
  'storage.oss': note(noDriver),
  'storage.inmemory': note('berth stores on disk or in S3'),
  'storage.tag': note(ownWay),
  'storage.delete.enabled': { to: 'delete.enabled', convert: isTrue },
  'storage.redirect.disable': { to: 'storage.blobs.s3.redirect', convert: onlyFor('s3', not) },
  'storage.cache': note(noCache),
  'storage.maintenance.uploadpurging.age': { to: 'uploads.expireAfter', convert: duration },
  'storage.maintenance.uploadpurging': note('berth always deletes unfinished uploads, after uploads.expireAfter'),
  'storage.maintenance.readonly': { to: 'readOnly', convert: readOnly },
  'auth.silly': note('for tests of registry:2 only'),
  'auth.token.realm': same('access.external.realm'),
  'auth.token.service': same('access.external.service'),
  'auth.token.issuer': same('access.external.issuer'),
  'auth.token.rootcertbundle': same('access.external.certificates'),
  'auth.token.jwks': note('berth reads public keys from access.external.jwksUrl, or from certificates'),
  'auth.token': note('no counterpart: berth answers with the realm, and accepts RS256, ES256 and their longer forms'),
  'auth.htpasswd.path': note('run: berth user import htpasswd, with this file; then berth grant add'),
  'auth.htpasswd.realm': note('berth names itself'),
  middleware: note(noMiddleware),
  'http.addr': { to: 'listen', convert: listenAddress },
  'http.net': note('berth listens on TCP'),
  'http.prefix': note('no counterpart: clients expect /v2/ at the root of a host'),
  'http.host': { to: 'publicUrl', convert: (value) => new URL(String(value)).origin },
  'http.secret': note('not needed: upload sessions are in the metadata store'),
  'http.relativeurls': { to: 'locations', convert: (value) => (isTrue(value) ? 'relative' : 'absolute') },
  'http.draintimeout': { to: 'shutdown.grace', convert: duration },
  'http.tls.certificate': same('tls.certificate'),
  'http.tls.key': same('tls.key'),
  'http.tls.clientcas': note(noClientCertificates),
  'http.tls.clientauth': note(noClientCertificates),
  'http.tls.letsencrypt': note(
    'no counterpart: an ACME client renews the files of tls, which berth reads again; or a reverse proxy',
  ),
  'http.tls': note(ownTls),
  'http.debug.addr': {
    to: 'metrics.listen',
    convert: (value, tree) => (isTrue(tree.get('http.debug.prometheus.enabled')) ? listenAddress(value) : undefined),
  },
  'http.debug.prometheus.path': note('the path is /metrics'),
  'http.debug': note('metrics are always on: see metrics.listen and metrics.token'),
  'http.headers': note('no counterpart: berth sends X-Content-Type-Options itself; a reverse proxy adds others'),
  'http.http2': note('berth speaks HTTP/1.1: a reverse proxy adds HTTP/2'),
  'http.h2c': note('berth speaks HTTP/1.1: a reverse proxy adds HTTP/2'),
  notifications: note(noNotifications),
  redis: note(noCache),
  health: note(readiness),
  'proxy.ttl': note('mirrored content stays until mirror.maxSize needs the space; tags are checked after mirror.freshness'),
  'proxy.remotenamespace': note('no counterpart: names contain the whole path at the upstream'),
  'proxy.exec.lifetime': note('the credential command says how long a login lasts, or is run again'),
  'validation.manifests.indexes.platforms': {
    to: 'manifests.references',
    convert: (value) => (String(value).toLowerCase() === 'all' ? 'required' : 'optional'),
  },
  'validation.manifests.indexes.platformlist': note('no counterpart: manifests.references is for all platforms'),
  validation: note('no counterpart: berth checks what manifests reference, and never fetches foreign URLs'),
  catalog: note('no counterpart: the client asks for a page, of at most 1000 names'),
  policy: note('no counterpart'),
  compatibility: note('berth does not serve schema 1 manifests'),
  reporting: note('no counterpart: let a collector of logs and metrics send alarms'),
};

/** Returns the rule of the key or of the nearest key above it. */
export function findRule(path: string): Rule | undefined {
  for (let key = path; key !== ''; key = key.slice(0, Math.max(0, key.lastIndexOf('.')))) {
    const rule = rules[key];
    if (rule) return rule;
  }
  return undefined;
}
