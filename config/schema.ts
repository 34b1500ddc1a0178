import {
  type Parsed,
  address,
  choice,
  duration,
  entries,
  flag,
  networks,
  optional,
  patterns,
  processes,
  secret,
  section,
  someOf,
  size,
  text,
  url,
  wholeNumber,
  words,
} from './keys.ts';
import { http, limits } from './limits-schema.ts';
import { backup, quotas, retention } from './maintenance-schema.ts';
import { login, registries, sync } from './sync-schema.ts';
import { signatures } from './signature-schema.ts';
import { telemetry } from './telemetry-schema.ts';
import { webhooks } from './webhook-schema.ts';

/**
 * Every configuration key. The loader, `berth config keys` and the table in docs/configuration.md are made from it.
 * `default.yaml` has the same keys with longer descriptions; a test keeps the two equal.
 */
export const schema = section({
  listen: address('127.0.0.1:5000', 'address to listen on'),
  publicUrl: optional(url('URL of this server for clients; default: taken from the request')),
  trustedProxies: networks('proxies whose X-Forwarded-* headers are trusted'),
  readOnly: flag(false, 'refuse every change of content; pulls and logins work, as with berth maintenance on'),
  locations: choice(['relative', 'absolute'], 'form of Location and Link headers'),
  tls: section({
    certificate: optional(text('', 'file with the certificate chain (PEM); read again when it changes')),
    key: optional(text('', 'file with the private key (PEM)')),
    authority: optional(
      text(
        '',
        'file with the certificate (PEM) that clients have to trust first, for /ui/setup; default: a root in tls.certificate',
      ),
    ),
  }),
  workers: processes(1, 'number of server processes on this machine; auto: one for each core'),
  storage: section({
    blobs: section({
      driver: choice(['filesystem', 's3'], 'store of layers and manifests'),
      directory: text('./data', 'folder of the filesystem driver'),
      links: choice(
        ['behind', 'off'],
        'behind: write the links of registry:2 soon after each change, so that it can be started on the store; off: none',
      ),
      s3: section({
        bucket: optional(text('', 'name of the bucket')),
        prefix: text('', 'prefix of every key'),
        region: text('us-east-1', 'region of the bucket'),
        endpoint: optional(url('URL of an S3-compatible server; default: AWS')),
        publicEndpoint: optional(url('URL of the same server for clients, used in redirects; default: endpoint')),
        forcePathStyle: flag(false, 'name the bucket in the path instead of in the host'),
        accessKeyId: optional(text('', 'access key; default: the chain of the AWS SDK (environment, profile, instance role)')),
        secretAccessKey: secret('secret of accessKeyId'),
        redirect: flag(true, 'redirect clients to the bucket for blobs (presigned URLs); false: send blobs through berth'),
        conditionalPut: flag(true, 'the server supports If-None-Match on PUT, as AWS does; false: HEAD before PUT'),
        serverSideEncryption: optional(choice(['AES256', 'aws:kms'], 'server-side encryption')),
        kmsKeyId: optional(text('', 'id of the key for aws:kms')),
        storageClass: optional(text('', 'storage class, such as STANDARD_IA')),
      }),
    }),
    metadata: section({
      driver: choice(['sqlite', 'postgres'], 'store of repositories, tags, users and grants'),
      file: optional(text('', 'SQLite file; default: metadata.sqlite in storage.blobs.directory')),
      url: optional({ ...url('PostgreSQL: postgres://user:password@host/database', ['postgres:', 'postgresql:']), secret: true }),
      connections: wholeNumber(10, 1, 1000, 'largest number of connections of a process to PostgreSQL'),
    }),
  }),
  manifests: section({
    maxSize: size('4MiB', 'largest manifest that may be pushed'),
    references: choice(
      ['required', 'optional'],
      'whether the content that a manifest references must be pushed before the manifest',
    ),
  }),
  tags: section({
    immutable: patterns(
      'patterns',
      'tags that never move and cannot be deleted, such as **:semver(*); a pattern with ! in front makes exceptions',
    ),
  }),
  signatures,
  delete: section({
    enabled: flag(true, 'whether clients may delete; false: every DELETE gets 405'),
    kinds: someOf(['manifests', 'tags', 'blobs'], ['manifests', 'tags', 'blobs'], 'what clients may delete'),
  }),
  trash: section({
    window: duration('7d', 'time for which a deleted manifest can be restored; 0s: it is deleted at once'),
  }),
  uploads: section({
    expireAfter: duration('24h', 'age at which unfinished uploads are deleted'),
    maxSize: optional(size('', 'largest blob that may be pushed, such as 10GiB; a larger one gets 413; default: no limit')),
    maxPerAccount: wholeNumber(5000, 1, 1_000_000, 'largest number of unfinished uploads of one account; further ones get 429'),
    maxPerAddress: wholeNumber(
      5000,
      1,
      1_000_000,
      'largest number of unfinished uploads from one client address; further ones get 429',
    ),
    maxOpenFiles: wholeNumber(256, 1, 100_000, 'largest number of unfinished uploads that keep a file open between two requests'),
  }),
  archives: section({
    maxSize: size('64GiB', 'largest archive of images that may be imported, unpacked; a larger one gets 413'),
    maxEntries: wholeNumber(100_000, 1, 10_000_000, 'largest number of entries of an imported archive'),
  }),
  garbageCollection: section({
    grace: duration(
      '1h',
      'time for which content stays after a client was told that it exists; unneeded content is deleted after twice this time',
    ),
    untagged: optional(duration('30d', 'time without tag, push and pull after which a manifest is deleted; default: never')),
    rate: wholeNumber(1000, 1, 100_000, 'largest number of reviews a second: possibly unneeded blobs that are looked at'),
  }),
  page: section({
    index: choice(
      ['view', 'push', 'off'],
      'when the files of an image are listed: at the first look by a user with a login, also at each push, or never',
    ),
    check: choice(
      ['on', 'off'],
      'whether the page makes one-time images berth-check/CODE, with which clients show that they use this server',
    ),
  }),
  backup,
  verify: section({
    every: duration('90d', 'time within which every stored blob is read and compared with its digest; 0s: only on request'),
    bandwidth: size('20MiB', 'largest number of bytes a second that this reads from the blob store'),
  }),
  retention,
  quotas,
  limits,
  http,
  shutdown: section({
    delay: duration('0s', 'time between /readyz failing and the end of new connections, for load balancers'),
    grace: duration('30s', 'time for running transfers after SIGTERM'),
  }),
  access: section({
    mode: choice(
      ['open', 'token', 'external'],
      'open: no logins; token: logins and grants; external: tokens of another token server',
    ),
    allowOpen: flag(false, 'allow mode open on an address that other machines can reach'),
    openActions: someOf(
      ['pull', 'push', 'delete'],
      ['pull', 'push', 'delete'],
      'actions that mode open allows; pull alone makes a read-only mirror',
    ),
    ignoreAccounts: flag(false, 'allow mode open over data with accounts and grants, which are ignored'),
    tokenLifetime: duration('5m', 'lifetime of a bearer token; revoked rights end at once'),
    anonymousPull: choice(['public', 'none'], 'what a client without a login can pull: public repositories or none'),
    auditKeep: duration('90d', 'age at which events, which the audit log shows, are deleted'),
    external: section({
      realm: optional(url('URL of the token server that clients get tokens from')),
      service: text('berth', 'name of this registry at the token server: the audience of its tokens'),
      issuer: optional(text('', 'issuer of its tokens')),
      certificates: optional(text('', 'file with the certificates (PEM) that its signing keys belong to or chain to')),
      jwksUrl: optional(url('URL of its public keys (JWKS)')),
    }),
    identities: entries({}, 'CI providers whose signed tokens are accepted as passwords in mode token', {
      issuer: url('issuer of the tokens (iss)'),
      jwksUrl: optional(url('URL of its public keys (JWKS); default: from its discovery document')),
      audience: text('berth', 'required audience of the tokens (aud)'),
      claims: words('NAME=VALUE', 'claims that a token must have'),
      grants: words('PATTERN:ACTIONS', 'grants of clients with such a token'),
    }),
    oidc: section({
      issuer: optional(url('issuer URL of the OpenID Connect provider for logins at /ui, in mode token; default: none')),
      clientId: text('berth', 'client id of this registry at the provider'),
      clientSecret: secret('secret of clientId; default: none (a public client)'),
      scopes: text('openid profile', 'requested scopes, separated by spaces'),
      claim: text('preferred_username', 'claim of the id token that becomes the user name'),
      createUsers: flag(true, 'create an account at the first login'),
      label: text('single sign-on', 'label of the login button: Sign in with …'),
    }),
    admin: section({
      username: text('admin', 'name of the admin that the first start in mode token creates'),
      password: secret('password of that admin; default: generated and printed once'),
    }),
  }),
  mirror: section({
    default: optional(
      text('', 'upstream of requests that name none (registry-mirrors of dockerd), such as docker.io; default: none'),
    ),
    allowPush: words('patterns', 'in mode open: repositories that accept pushes although mirror.default has their name'),
    upstreams: entries(
      {
        'docker.io': { url: 'https://registry-1.docker.io' },
        'ghcr.io': { url: 'https://ghcr.io' },
        'quay.io': { url: 'https://quay.io' },
        'registry.k8s.io': { url: 'https://registry.k8s.io' },
        'gcr.io': { url: 'https://gcr.io' },
        'mcr.microsoft.com': { url: 'https://mcr.microsoft.com' },
        'public.ecr.aws': { url: 'https://public.ecr.aws' },
      },
      'registries that clients can pull through, by host name; merged over the defaults, and HOST: false removes one',
      {
        url: url('URL of the upstream'),
        ...login,
        passThrough: flag(false, 'in mode open: private repositories need the token of the client from the upstream'),
        logins: entries({}, 'other logins for some of its repositories, by pattern', login),
        search: optional(url('URL for docker search at this upstream, such as https://index.docker.io; default: not searched')),
        bandwidth: optional(size('', 'largest number of bytes a second for all downloads of a process; default: no limit')),
        connections: wholeNumber(
          64,
          1,
          10_000,
          'largest number of concurrent downloads of a process from one host; further ones wait',
        ),
        ca: optional(text('', 'file with the certificates (PEM) of its authorities, in addition to those of the system')),
        redirects: words('host names', 'hosts with private addresses that its redirects may lead to'),
      },
    ),
    freshness: duration('60s', 'time for which a mirrored tag is served without a request to the upstream'),
    tags: entries({}, 'freshness of some tags, by pattern, such as docker.io/library/**:*-alpine', {
      freshness: duration('24h', 'time for which they are served without a request to the upstream'),
    }),
    revalidateWait: duration(
      '1s',
      'time for which a client waits while a cached tag is checked; then it gets the cached manifest',
    ),
    staleWhileRevalidate: duration('0s', 'further time for which a tag is served at once and checked in the background'),
    negativeCache: duration('30s', 'time for which a 404 of an upstream is remembered'),
    retry: duration('5s', 'time between a failed check of a tag, which is served stale, and the next one'),
    maxManifestSize: size('16MiB', 'largest manifest that is accepted from an upstream'),
    publicCheck: duration('1h', 'time for which a repository counts as public at its upstream, where berth uses a login'),
    maxSize: size('50GiB', 'largest size of mirrored content; the least used is evicted'),
    keepFree: size(
      '1GiB',
      'space that mirrored content leaves free on its disk (at most a tenth of the disk); pushes may use it',
    ),
    downloadSpace: size(
      '20GiB',
      'disk space for all downloads in progress of a process; further blobs are passed on and not kept',
    ),
    finish: section({
      percent: wholeNumber(
        0,
        0,
        100,
        'continue a download after its last client leaves if at least this percentage has arrived; 0: always',
      ),
      size: size('0B', 'continue it in any case if the blob is at most this large'),
    }),
    prefetch: size('0B', 'largest layer that is fetched together with its manifest; 0B: none'),
    refresh: section({
      every: duration('6h', 'interval of checking the images below'),
      images: words('images', 'images that are fetched and never evicted, such as docker.io/library/alpine:3'),
      platforms: words(
        'platforms',
        'platforms of these images, such as linux/amd64, or all; default: the platform of this machine',
      ),
    }),
    directory: optional(text('', 'folder for downloads in progress; default: in storage.blobs.directory')),
    timeouts: section({
      connect: duration('5s', 'longest wait for a connection to an upstream'),
      headers: duration('20s', 'longest wait for the response headers of an upstream; clients wait for 30 seconds'),
      idle: duration('30s', 'longest wait for the next bytes of a download'),
    }),
    proxy: section({
      http: optional(text('', 'proxy for http:// upstreams; default: HTTP_PROXY')),
      https: optional(text('', 'proxy for https:// upstreams; default: HTTPS_PROXY')),
      none: optional(text('', 'hosts that need no proxy; default: NO_PROXY')),
    }),
  }),
  registries,
  sync,
  webhooks,
  metrics: section({
    listen: optional(address('', 'separate address for /metrics, plain HTTP; default: the address of the registry')),
    token: secret('bearer token that /metrics requires; default: none'),
  }),
  telemetry,
  log: section({
    level: choice(['info', 'debug', 'warn', 'error', 'silent'], 'lowest level of messages that are written'),
    format: optional(choice(['json', 'pretty'], 'format of the log; default: pretty on a terminal, else json')),
  }),
});

export type Config = Parsed<typeof schema>;
