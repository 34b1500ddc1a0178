import type { AttachedArtifact, AttachedArtifacts } from '../../../../images/referrers/referrers.ts';
import { parseDigest } from '../../../../oci/digest.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { type Html, html } from '../../shell/html.ts';
import type { ImageVisit } from '../repository/repository-view.ts';
import { showDocument } from './attached-document.ts';
import { platformOf, queryWith } from './image-url.ts';
import { platformChoice, sendImageView } from './image-view.ts';

/** Shows the signatures, SBOMs, attestations and other artifacts of an image, or with `?document=` one of their documents. */
export async function showReferrers(visit: ImageVisit): Promise<void> {
  const { query, repository, reference, services, catalog } = visit;
  const { referrers } = await services.images();
  const address = { repository, reference, platform: platformOf(visit) };
  const digest = parseDigest(query.get('document') ?? '');
  if (digest) {
    const { document, content } = await referrers.read(address, { digest });
    sendImageView(visit, 'referrers', showDocument(visit, document, content));
    return;
  }
  const { platforms } = await catalog.describe(repository, reference, address.platform);
  const names = platforms.map(({ platform }) => platform);
  const choice = platformChoice(visit, names, platforms.find(({ isShown }) => isShown)?.platform);
  const form = choice && html`<form class="filter" method="get">${choice} <button>${visit.texts.files.show}</button></form>`;
  const artifacts = await referrers.list(address);
  sendImageView(visit, 'referrers', html`${form} ${policyNote(visit, artifacts)} ${artifactTable(visit, artifacts)}`);
}

/** Says whether the image has the signature that a rule of the configuration demands. */
function policyNote({ texts }: ImageVisit, { policy }: AttachedArtifacts): Html | undefined {
  if (!policy) return undefined;
  const { referrers } = texts;
  const { signers, signedBy, refusals } = policy;
  if (signedBy !== undefined)
    return html`<p><span class="chip ok">${referrers.verified}</span> ${referrers.signedBy(signedBy)}</p>`;
  const found = refusals.length === 0 ? undefined : html` ${referrers.found} ${refusals.join(', ')}.`;
  return html`<p><span class="chip bad">${referrers.unsigned}</span> ${referrers.demanded(signers)}${found}</p>`;
}

function artifactTable(visit: ImageVisit, { items, hasMore }: AttachedArtifacts): Html {
  const { referrers, tags } = visit.texts;
  if (items.length === 0) return html`<p>${referrers.none}</p>`;
  const rows = items.map((item) => ({
    heading: html`${referrers.kinds[item.kind]}
    ${item.kind === 'signature' ? html`<span class="chip">${referrers.notVerified}</span>` : undefined}`,
    cells: [
      item.type === '' ? html`<span class="quiet">${visit.texts.image.notStored}</span>` : html`<code>${item.type}</code>`,
      html`<a href="/ui/r/${visit.repository}@${item.digest}">${digestCode(item.digest)}</a>`,
      foundBy(visit, item),
      documentLinks(visit, item),
    ],
  }));
  return html`${table(referrers.caption, [referrers.kind, visit.texts.image.type, tags.digest, referrers.foundBy, referrers.documents], rows)}
  ${hasMore ? html`<p class="quiet">${visit.texts.image.moreReferrers}</p>` : undefined}`;
}

function foundBy({ texts }: ImageVisit, { foundBy: way, tag }: AttachedArtifact): Html | string {
  return way === 'tag' ? html`<code title="${tag}">${shortTag(tag)}</code>` : texts.referrers.ways[way];
}

/** Leaves the middle out of the hash: `sha256-0123456789ab….sig`. */
function shortTag(tag: string): string {
  return tag.replace(/^(\w+-[0-9a-f]{12})[0-9a-f]+/, '$1…');
}

function documentLinks(visit: ImageVisit, { documents }: AttachedArtifact): Html {
  const { kinds } = visit.texts.referrers;
  const links = documents.map(({ digest, kind, sizeBytes, predicateType, mediaType }) => {
    if (kind === 'signature' || kind === 'artifact') return html`<li>${byteSize(sizeBytes)}</li>`;
    const title = predicateType || mediaType;
    // An SBOM says what it is; the predicate tells one attestation from another.
    const predicate = kind === 'attestation' && html`<code>${predicateType}</code>`;
    return html`<li>
      <a href="${queryWith(visit, { document: digest })}" title="${title}">${kinds[kind]}</a>, ${byteSize(sizeBytes)}
      ${predicate || undefined}
    </li>`;
  });
  return html`<ul class="plain">
    ${links}
  </ul>`;
}
