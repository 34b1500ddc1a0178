import type { ImageDescription, SingleImage } from '../../../../images/description/describe-image.ts';
import { ImageError } from '../../../../images/index/image-error.ts';
import type { ImageHead } from '../../../../images/index/image-head.ts';
import { pullFields } from '../../parts/commands.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { type RejectedTag, actionPanel } from './action-panel.ts';
import { configList, pairs } from './config.ts';
import { nameOf, platformOf, queryWith, urlOf } from './image-url.ts';
import { sendImageView } from './image-view.ts';
import { lookAt } from './index-state.ts';
import { stepTable } from './steps.ts';
import { wastePanel } from './waste.ts';

/** Shows an image: how to pull it, its platforms, configuration, layers, labels, and what can be done with it. */
export async function showImage(visit: ImageVisit, rejected?: RejectedTag): Promise<void> {
  const { catalog, repository, reference, texts } = visit;
  const image = await catalog.describe(repository, reference, platformOf(visit));
  const content = html`${pullPanel(visit, image)} ${factsOf(visit, image)} ${platformTable(visit, image)}
  ${image.image && (await imageParts(visit, image.image, await findIndex(visit)))} ${fileTable(visit, image)}
  ${pairs(texts, texts.image.annotations, image.annotations)} ${actionPanel(visit, image, rejected)} ${rawLinks(visit, image)}`;
  const status = rejected ? 400 : 200;
  sendImageView(
    visit,
    'overview',
    content,
    image.kind === 'artifact' ? { status, views: ['overview', 'referrers'] } : { status },
  );
}

/** Returns the index of the image; undefined until it is there, and where the layers cannot be read. */
async function findIndex(visit: ImageVisit): Promise<ImageHead | undefined> {
  try {
    return (await lookAt(visit)).index?.head;
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

/** A tag may move: the digest pulls exactly this image. */
function pullPanel({ texts, host, repository, reference }: ImageVisit, { digest }: ImageDescription): Html {
  const byDigest = html`<details>
    <summary>${texts.actions.pullByDigest}</summary>
    ${pullFields(texts, `${host}/${repository}@${digest}`)}
  </details>`;
  return html`${pullFields(texts, `${host}/${nameOf(repository, reference)}`)}
  ${reference.tag === undefined ? undefined : byDigest}`;
}

function rawLinks(visit: ImageVisit, { image }: ImageDescription): Html {
  const { texts } = visit;
  const config = html`<a href="${urlOf(visit, '/-/raw')}${queryWith(visit, { part: 'config' })}">${texts.actions.rawConfig}</a>`;
  return html`<p class="links">
    <a href="${urlOf(visit, '/-/raw')}">${texts.image.raw}</a> ${image?.config ? config : undefined}
  </p>`;
}

function factsOf({ repository, texts }: ImageVisit, image: ImageDescription): Html {
  const { digest, kind, artifactType, tags, subject } = image;
  const others = tags.map((tag) => html`<a class="chip" href="/ui/r/${repository}:${tag}">${tag}</a> `);
  const download = image.image?.downloadBytes;
  return html`<dl>
    <dt>${texts.tags.digest}</dt>
    <dd>
      <span class="copy digest" data-text="${digest}"><code>${digest}</code></span>
    </dd>
    <dt>${texts.tags.kind}</dt>
    <dd><span class="chip">${texts.tags.kinds[kind]}</span> ${artifactType}</dd>
    ${
      download === undefined
        ? undefined
        : html`<dt>${texts.image.download}</dt>
            <dd>${byteSize(download)}</dd>`
    }
    ${
      others.length === 0
        ? undefined
        : html`<dt>${texts.image.otherTags}</dt>
            <dd>${others}</dd>`
    }
    ${
      subject === undefined
        ? undefined
        : html`<dt>${texts.image.subject}</dt>
            <dd><a href="/ui/r/${repository}@${subject}">${digestCode(subject)}</a></dd>`
    }
  </dl>`;
}

function platformTable({ repository, reference, texts }: ImageVisit, { platforms }: ImageDescription): Html | undefined {
  if (platforms.length === 0) return undefined;
  const base = `/ui/r/${nameOf(repository, reference)}`;
  const rows = platforms.map(({ platform, digest, downloadBytes, isShown }) => ({
    heading: html`<a
      href="${base}?${new URLSearchParams({ platform }).toString()}"
      ${isShown ? html`aria-current="true"` : undefined}
      >${platform}</a
    >`,
    cells: [
      html`<a href="/ui/r/${repository}@${digest}">${digestCode(digest)}</a>`,
      downloadBytes === undefined ? html`<span class="quiet">${texts.image.notStored}</span>` : byteSize(downloadBytes),
    ],
  }));
  return html`<h2>${texts.image.platforms}</h2>
    ${table(texts.image.platforms, [texts.image.platform, texts.tags.digest, texts.image.download], rows)}`;
}

async function imageParts(visit: ImageVisit, image: SingleImage, head: ImageHead | undefined): Promise<Html> {
  const { catalog, visitor, repository, texts } = visit;
  const shared = await catalog.sharedLayers(visitor, repository, image);
  const { config } = image;
  return html`<h2>${texts.image.layers}</h2>
    ${stepTable(visit, image, { shares: head?.layers, shared })} ${head && wastePanel(visit, head)}
    <h2>${texts.image.details}${config?.platform === undefined ? '' : `: ${config.platform}`}</h2>
    ${config ? configList(texts, config) : html`<p class="quiet">${texts.image.noConfig}</p>`}
    ${config && pairs(texts, texts.image.labels, config.labels)}`;
}

function fileTable({ texts }: ImageVisit, { files }: ImageDescription): Html | undefined {
  if (files.length === 0) return undefined;
  const rows = files.map(({ name, mediaType, digest, sizeBytes }) => ({
    heading: name ?? digestCode(digest),
    cells: [mediaType, digestCode(digest), byteSize(sizeBytes)],
  }));
  const { file, type, size } = texts.image;
  return html`<h2>${texts.image.files}</h2>
    ${table(texts.image.files, [file, type, texts.tags.digest, size], rows)}`;
}
