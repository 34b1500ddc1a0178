import { type Fields, fieldsOf } from '../../oci/foreign-json.ts';
import { itemsOf, maxTextLength, textOf } from './fields.ts';
import { type Sbom, type SbomPackage, maxPackages, toSbom } from './sbom.ts';

/** Reads a CycloneDX document, with the components of components. Files are left out. */
export function readCycloneDx(document: Fields): Sbom {
  const packages: SbomPackage[] = [];
  const waiting = [itemsOf(document['components'])];
  for (let list = waiting.pop(); list; list = waiting.pop()) {
    for (const fields of list) {
      if (packages.length > maxPackages) break;
      if (fields['type'] !== 'file') packages.push(toComponent(fields));
      const nested = itemsOf(fields['components']);
      if (nested.length > 0) waiting.push(nested);
    }
  }
  return toSbom(`CycloneDX ${textOf(document['specVersion'])}`.trim(), packages);
}

function toComponent(fields: Fields): SbomPackage {
  const group = textOf(fields['group']);
  const name = textOf(fields['name']);
  const licenses = itemsOf(fields['licenses']).map((item) => {
    const license = fieldsOf(item['license']);
    return textOf(item['expression']) || textOf(license['id']) || textOf(license['name']);
  });
  return {
    name: group === '' ? name : `${group}/${name}`,
    version: textOf(fields['version']),
    license: licenses
      .filter((text) => text !== '')
      .join(', ')
      .slice(0, maxTextLength),
    purl: textOf(fields['purl']),
  };
}
