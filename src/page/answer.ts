/** Of `status`, for the process that makes the page, of the user that standard input names: not told in its help. */
export const PAGE = '--page';

/** What that process prints as JSON: its headers belong to its markup, also where another version has started it. */
export interface PageAnswer {
  headers: Record<string, string>;
  body: string;
}
