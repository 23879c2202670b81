/** The tag of a saga as it is shown. Its version counts writes; where its definition is not loaded, less of it is shown. */
export function etagOf(version: number, isLoaded: boolean): string {
  return isLoaded ? `"${version}"` : `"${version}-bare"`;
}

/** Whether `If-None-Match` names this tag. A proxy that compresses may have made it a weak one. */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  return ifNoneMatch !== undefined && (ifNoneMatch.trim() === '*' || tagsIn(ifNoneMatch).includes(etag));
}

/** The versions that `If-Match` allows; `undefined`: any. What is no tag of ours allows none. */
export function versionsIn(ifMatch: string | undefined): readonly number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return tagsIn(ifMatch).flatMap((tag) => {
    const [, version] = /^"(\d{1,10})(?:-bare)?"$/.exec(tag) ?? [];
    return version === undefined ? [] : [Number(version)];
  });
}

function tagsIn(header: string): readonly string[] {
  return header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
}
