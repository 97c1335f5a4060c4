// Browsers take a subscription away whose messages show nothing, so each shows something: `validation` too, once.
const TEXTS = {
  validation: () => 'You will be told of new mail here.',
  test: () => 'A test push.',
  MessageNew: ({ mailbox }) => `New mail in ${mailbox ?? 'your mailbox'}.`,
};

self.addEventListener('push', (event) => {
  const message = event.data.json();
  const text = TEXTS[message.event] ?? (() => 'Something changed in your mail.');
  // By the tag a newer one takes the place of the one before.
  event.waitUntil(
    self.registration.showNotification('Mail', { body: text(message), tag: message.mailbox ?? 'mail' }),
  );
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow('./'));
});
