import { Button } from '../../parts/button.tsx'
import { Dialog } from '../../parts/dialog.tsx'
import { Copyable } from '../../parts/page.tsx'
import { Note } from '../../parts/states.tsx'

/** A secret or a key, the one time that it is shown. */
export function SecretDialog({
  title,
  secret,
  what,
  children,
  onClose,
}: {
  title: string
  secret: string
  what: string
  children?: string
  onClose: () => void
}) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Note tone="warn" icon="warning">
        <p>This is the only time that the {what} is shown. Keep it where your receiver can read it.</p>
      </Note>
      <div class="secret">
        <Copyable text={secret} what={what} />
      </div>
      {children && <p class="muted">{children}</p>}
      <div class="dialog-foot">
        <Button kind="primary" onClick={onClose}>
          I have kept it
        </Button>
      </div>
    </Dialog>
  )
}
