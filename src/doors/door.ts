/** Something open through which events come in. */
export interface Door {
  /** Takes nothing new; what came before is answered. */
  close(): Promise<void>;
}
