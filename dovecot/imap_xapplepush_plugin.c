/*
 * imap_xapplepush: Dovecot's imap offers XAPPLEPUSHSERVICE, by which the Mail app of a phone registers for pushes.
 *
 * A registration becomes one small file in the spool of xapplepush, and the phone is told the topic and the mailboxes
 * that it will hear of, as Cyrus tells them. There is no network and nobody is waited for but the disk: whether
 * `xapplepush serve` runs at that moment does not matter.
 *
 * For Dovecot 2.3 and 2.4, compiled for each: see docs/dovecot-plugin.md, also for the settings, which are variables of
 * the environment (import_environment):
 *   XAPPLEPUSH_TOPIC      the topic of the certificate; without it nothing is offered
 *   XAPPLEPUSH_SPOOL      the spool, by default /var/spool/xapplepush
 *   XAPPLEPUSH_MAILBOXES  of which mailboxes phones are told: inbox, own (the default) or all
 */
#include "imap-common.h"
#include "imap-commands.h"
#include "imap-quote.h"
#include "imap-utf7.h"
#include "hex-binary.h"
#include "mail-namespace.h"
#include "mail-storage.h"
#include "mail-user.h"
#include "module-dir.h"
#include "ostream.h"
#include "randgen.h"
#include "str.h"
#include "unichar.h"
#include "write-full.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND "XAPPLEPUSHSERVICE"
#define DEFAULT_SPOOL "/var/spool/xapplepush"

/* The one subtopic that the Mail app registers with. */
#define MAIL_SUBTOPIC "com.apple.mobilemail"

/* What xapplepush takes of a registration (src/targets/target.ts): the phone must not be told OK for one that is
   refused later. */
#define MAX_MAILBOXES 1000
#define TOKEN_MIN_DIGITS 32
#define TOKEN_MAX_DIGITS 400
#define ACCOUNT_ID_MIN 16
#define ACCOUNT_ID_MAX 128
#define MAX_USER_BYTES 1024

/* Dovecot logs a name that is too long for the disk as a whole, so it is not asked for one. */
#define MAX_NAME_BYTES 1024

/* Of topics known today the longest have 60 characters. */
#define MAX_TOPIC 255

/* Each costs a file in the spool, and a phone registers once a day. Counted from the latest log-in of the process,
   which by default serves one session at a time. */
#define MAX_REGISTRATIONS 100

/* What a phone asks for. The strings live as long as the command. */
struct registration {
	unsigned int version;
	const char *account_id, *device_token, *subtopic;
	/* Elements of the list of names, up to the one that ends it; NULL where there is no list. */
	const struct imap_arg *mailboxes;
};

/* Whom the phone hears of. The two texts grow in the command's pool: one that grew in the data stack within a frame
   would end the process. */
struct answer {
	string_t *untagged, *json;
	unsigned int mailboxes;
};

void imap_xapplepush_plugin_init(struct module *module);
void imap_xapplepush_plugin_deinit(void);

extern const char *imap_xapplepush_plugin_version;
extern const char imap_xapplepush_plugin_binary_dependency[];

const char *imap_xapplepush_plugin_version = DOVECOT_ABI_VERSION;
const char imap_xapplepush_plugin_binary_dependency[] = "imap";

static struct module *this_module;
static imap_client_created_func_t *next_hook;
static unsigned int registrations;

/* == Texts == */

static bool is_made_of(const char *text, const char *others, bool (*belongs)(char))
{
	for (; *text != '\0'; text++) {
		if (!belongs(*text) && strchr(others, *text) == NULL)
			return FALSE;
	}
	return TRUE;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hexadecimal(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_alphanumeric(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_token(const char *text)
{
	size_t length = strlen(text);

	return length >= TOKEN_MIN_DIGITS && length <= TOKEN_MAX_DIGITS && length % 2 == 0 &&
		is_made_of(text, "", is_hexadecimal);
}

static bool is_account_id(const char *text)
{
	size_t length = strlen(text);

	return length >= ACCOUNT_ID_MIN && length <= ACCOUNT_ID_MAX && is_made_of(text, "._-", is_alphanumeric);
}

static bool begins(const char *text, const char *beginning)
{
	size_t length = strlen(beginning);

	return strncmp(text, beginning, length) == 0 && text[length] != '\0';
}

/* The Mail app watches these topics only. The form is checked as well, because the topic goes to the phone in quotes. */
static bool is_topic(const char *text)
{
	return (begins(text, "com.apple.mail.") || begins(text, "com.apple.mobilemail.push.")) &&
		strlen(text) <= MAX_TOPIC && is_made_of(text, "._-", is_alphanumeric);
}

/* A JSON string; `text` is UTF-8. */
static void append_json(string_t *to, const char *text)
{
	str_append_c(to, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = *text;

		if (c < 0x20 || c == 0x7f)
			str_printfa(to, "\\u%04x", c);
		else {
			if (c == '"' || c == '\\')
				str_append_c(to, '\\');
			str_append_c(to, c);
		}
	}
	str_append_c(to, '"');
}

/* == The settings == */

static const char *setting(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

static const char *topic(void)
{
	const char *value = setting("XAPPLEPUSH_TOPIC");

	return value != NULL && is_topic(value) ? value : NULL;
}

static const char *spool(void)
{
	const char *value = setting("XAPPLEPUSH_SPOOL");

	return value != NULL ? value : DEFAULT_SPOOL;
}

/* Of which mailboxes a phone may be told. One that is told and never pushed for is not fetched by other means either. */
enum told { TOLD_NONE, TOLD_INBOX, TOLD_OWN, TOLD_ALL };

static enum told named_told(const char *name)
{
	if (strcmp(name, "inbox") == 0)
		return TOLD_INBOX;
	if (strcmp(name, "own") == 0)
		return TOLD_OWN;
	return strcmp(name, "all") == 0 ? TOLD_ALL : TOLD_NONE;
}

/* By default as xapplepush has it (targets.shared_mailboxes: false); a value that is none means that too. */
static enum told told(void)
{
	const char *value = setting("XAPPLEPUSH_MAILBOXES");
	enum told named = value != NULL ? named_told(value) : TOLD_OWN;

	return named != TOLD_NONE ? named : TOLD_OWN;
}

/* == To whom it is offered == */

/* A master user acts as somebody else, whose mail that phone should not hear of for good. Nothing but this field tells
   of one in both versions, and after hibernation too. */
static bool is_master(const struct mail_user *user)
{
	const char *const *field = user->userdb_fields;

	for (; field != NULL && *field != NULL; field++) {
		if (begins(*field, "master_user="))
			return TRUE;
	}
	return FALSE;
}

/* Of another kind xapplepush takes none. */
static bool is_user_name(const char *name)
{
	return strlen(name) <= MAX_USER_BYTES && uni_utf8_str_is_valid(name);
}

/* The process may have the plugin loaded for another user. */
static bool is_offered(struct mail_user *user)
{
	return mail_user_is_plugin_loaded(user, this_module) && !user->anonymous && !is_master(user) &&
		is_user_name(user->username) && topic() != NULL;
}

static void client_created(struct client **client)
{
	registrations = 0;
	if (is_offered((*client)->user))
		client_add_capability(*client, COMMAND);
	if (next_hook != NULL)
		next_hook(client);
}

/* == What the phone says == */

/* A word or a literal, of which Dovecot lets NULs through. */
static bool get_text(const struct imap_arg *arg, const char **text)
{
	return imap_arg_get_astring(arg, text) && strlen(*text) == arg->str_len && uni_utf8_str_is_valid(*text);
}

/* As Cyrus: 1 is 1, and every other number, which a later phone may say, is 2. */
static bool get_version(const struct imap_arg *arg, unsigned int *version)
{
	const char *text;

	if (!get_text(arg, &text) || *text == '\0' || !is_made_of(text, "", is_digit))
		return FALSE;
	*version = strcmp(text, "1") == 0 ? 1 : 2;
	return TRUE;
}

/* Reads one pair; gives what is wrong with its form, NULL where nothing is. */
static const char *parse_pair(const char *key, const struct imap_arg *value, struct registration *registration)
{
	const char **text = NULL;

	if (strcasecmp(key, "aps-version") == 0)
		return get_version(value, &registration->version) ? NULL : "aps-version: number expected";
	if (strcasecmp(key, "mailboxes") == 0)
		return imap_arg_get_list(value, &registration->mailboxes) ? NULL : "mailboxes: list expected";
	if (strcasecmp(key, "aps-account-id") == 0)
		text = &registration->account_id;
	else if (strcasecmp(key, "aps-device-token") == 0)
		text = &registration->device_token;
	else if (strcasecmp(key, "aps-subtopic") == 0)
		text = &registration->subtopic;
	/* What this does not know, whatever its value is: later phones add pairs of their own. */
	return text == NULL || get_text(value, text) ? NULL : "Text expected";
}

/* Reads the pairs up to the end; gives what is wrong with their form, NULL where nothing is. */
static const char *parse_arguments(const struct imap_arg *args, struct registration *registration)
{
	const char *key, *wrong;

	if (IMAP_ARG_IS_EOL(args))
		return "Arguments expected";
	registration->version = 2;
	for (; !IMAP_ARG_IS_EOL(args); args += 2) {
		if (!get_text(args, &key))
			return "Name expected";
		if (IMAP_ARG_IS_EOL(&args[1]))
			return "Value expected";
		wrong = parse_pair(key, &args[1], registration);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

/* Checks the names; gives what is wrong with their form, NULL where nothing is. */
static const char *parse_names(const struct imap_arg *names, unsigned int *count)
{
	const char *name;

	*count = 0;
	for (; names != NULL && !IMAP_ARG_IS_EOL(names); names++) {
		if (!imap_arg_get_astring(names, &name) || strlen(name) != names->str_len)
			return "mailboxes: names expected";
		(*count)++;
	}
	return NULL;
}

/* Why what is well-formed is not taken, as a tagged answer; NULL where it is taken. */
static const char *refusal(const struct registration *registration, unsigned int names)
{
	if (registration->account_id == NULL)
		return "NO Missing aps-account-id";
	if (registration->device_token == NULL)
		return "NO Missing aps-device-token";
	if (registration->subtopic == NULL)
		return "NO Missing aps-subtopic";
	if (strcmp(registration->subtopic, MAIL_SUBTOPIC) != 0)
		return "NO [CANNOT] Only the Mail app can be pushed to";
	if (!is_token(registration->device_token))
		return "NO [CANNOT] The device token is none";
	if (!is_account_id(registration->account_id))
		return "NO [CANNOT] The account id is none";
	if (names > MAX_MAILBOXES)
		return "NO [LIMIT] Too many mailboxes";
	if (registrations >= MAX_REGISTRATIONS)
		return "NO [LIMIT] Too many registrations";
	return NULL;
}

/* == Mailboxes == */

/* May the user read it? -1 where it cannot be known. Nothing is created: a mailbox that Dovecot makes by itself when it is
   opened is not opened. */
static int is_readable(struct mailbox *box)
{
	enum mailbox_existence existence;

	if (mailbox_exists(box, FALSE, &existence) < 0)
		return -1;
	if (existence == MAILBOX_EXISTENCE_SELECT)
		return mailbox_open(box) == 0 ? 1 : -1; /* the right to look is not the right to read */
	if (mailbox_exists(box, TRUE, &existence) < 0)
		return -1;
	return existence == MAILBOX_EXISTENCE_SELECT ? 1 : 0;
}

/* A disk that fails for a moment must not cost the phone its own mailboxes for a day. */
static bool is_to_be_told(struct mailbox *box, const struct mail_namespace *ns)
{
	int readable = is_readable(box);

	if (readable < 0 && mailbox_get_last_mail_error(box) == MAIL_ERROR_TEMP)
		return ns->type == MAIL_NAMESPACE_TYPE_PRIVATE;
	return readable > 0;
}

/* Whether xapplepush pushes for such a one, by what the administrator says. */
static bool is_among_told(const char *vname, const struct mail_namespace *ns)
{
	if (told() == TOLD_ALL)
		return TRUE;
	return ns->type == MAIL_NAMESPACE_TYPE_PRIVATE && (told() == TOLD_OWN || strcmp(vname, "INBOX") == 0);
}

/* Of modified UTF-7 Dovecot leaves out bits at the end that belong to nothing, and xapplepush takes no such name; nor
   one in 8 bits, as a client may send that has enabled UTF8=ACCEPT. */
static bool is_canonical(const char *name)
{
	string_t *decoded = t_str_new(128), *again = t_str_new(128);

	return imap_utf7_to_utf8(name, decoded) == 0 && imap_utf8_to_utf7(str_c(decoded), again) == 0 &&
		strcmp(str_c(again), name) == 0;
}

/* Adds a mailbox for the phone by the name it used, and for xapplepush by the name that Dovecot's events have too. */
static void accept_mailbox(struct answer *answer, const char *name, const char *vname)
{
	str_append(answer->untagged, "* "COMMAND" \"mailbox\" ");
	imap_append_string(answer->untagged, name);
	str_append(answer->untagged, "\r\n");
	str_append(answer->json, answer->mailboxes++ == 0 ? "{\"name\":" : ",{\"name\":");
	append_json(answer->json, name);
	str_append(answer->json, ",\"vname\":");
	append_json(answer->json, vname);
	str_append_c(answer->json, '}');
}

static void try_mailbox(struct client *client, const char *name, struct answer *answer)
{
	const char *storage_name = name, *error;
	struct mail_namespace *ns;
	struct mailbox *box;

	if (strlen(name) > MAX_NAME_BYTES || !is_canonical(name))
		return;
	ns = client_find_namespace_full(client, &storage_name, &error);
	if (ns == NULL)
		return;
	box = mailbox_alloc(ns->list, storage_name, MAILBOX_FLAG_READONLY);
	if (is_among_told(mailbox_get_vname(box), ns) && is_to_be_told(box, ns))
		accept_mailbox(answer, name, mailbox_get_vname(box));
	mailbox_free(&box);
}

/* Version 1 knows no mailboxes: it means INBOX, and no names are told. */
static void try_mailboxes(struct client *client, const struct registration *registration, struct answer *answer)
{
	const struct imap_arg *arg = registration->mailboxes;
	const char *name;

	for (; registration->version != 1 && arg != NULL && !IMAP_ARG_IS_EOL(arg); arg++) T_BEGIN {
		if (imap_arg_get_astring(arg, &name))
			try_mailbox(client, name, answer);
	} T_END;
}

/* == The spool == */

/* As src/spool has it: written in tmp/ and renamed into new/, so that no reader sees half of it. Gives the errno of
   what failed, 0 where nothing did. The new name survives a power cut, too. */
static int write_draft(int tmp, const char *name, const string_t *text)
{
	int error = 0, file = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (file < 0)
		return errno;
	if (write_full(file, str_data(text), str_len(text)) < 0 || fsync(file) < 0)
		error = errno;
	if (close(file) < 0 && error == 0)
		error = errno;
	return error;
}

static int keep(int tmp, int new, const string_t *text)
{
	unsigned char random[16];
	const char *name;
	int error;

	random_fill(random, sizeof(random));
	name = t_strdup_printf("%ld.%s.json", (long)time(NULL), binary_to_hex(random, sizeof(random)));
	error = write_draft(tmp, name, text);
	if (error == 0 && renameat(tmp, name, new, name) < 0)
		error = errno;
	if (error != 0 && error != EEXIST)
		(void)unlinkat(tmp, name, 0);
	if (error == 0 && fsync(new) < 0)
		error = errno;
	return error;
}

static int open_folder(int in, const char *name, int *folder)
{
	*folder = openat(in, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *folder < 0 ? errno : 0;
}

static int write_spool(const char *path, const string_t *text)
{
	int base = -1, tmp = -1, new = -1, error;

	error = open_folder(AT_FDCWD, path, &base);
	if (error == 0)
		error = open_folder(base, "tmp", &tmp);
	if (error == 0)
		error = open_folder(base, "new", &new);
	if (error == 0)
		error = keep(tmp, new, text);
	i_close_fd(&new);
	i_close_fd(&tmp);
	i_close_fd(&base);
	return error;
}

/* == The command == */

static void begin_json(string_t *json, const struct registration *registration, const char *user)
{
	str_append(json, "{\"registration\":1,\"source\":\"dovecot-plugin\",\"user\":");
	append_json(json, user);
	str_append(json, ",\"accountId\":");
	append_json(json, registration->account_id);
	str_append(json, ",\"deviceToken\":");
	append_json(json, registration->device_token);
	str_append(json, ",\"subtopic\":");
	append_json(json, registration->subtopic);
	str_printfa(json, ",\"version\":%u,\"topic\":", registration->version);
	append_json(json, topic());
	str_append(json, ",\"mailboxes\":[");
}

static bool keep_registration(struct client *client, const string_t *json)
{
	int error = write_spool(spool(), json);

	if (error == 0) {
		registrations++;
		return TRUE;
	}
	e_error(client->user->event, "xapplepush: registration not kept in the spool %s: %s", spool(), strerror(error));
	return FALSE;
}

/* Registers the device, and answers; all has been read. One without a mailbox is answered as by Cyrus, and not kept. */
static void register_device(struct client_command_context *cmd, const struct registration *registration)
{
	struct client *client = cmd->client;
	struct answer answer = { str_new(cmd->pool, 1024), str_new(cmd->pool, 1024), 0 };

	begin_json(answer.json, registration, client->user->username);
	try_mailboxes(client, registration, &answer);
	str_append(answer.json, "]}\n");
	if ((registration->version == 1 || answer.mailboxes > 0) && !keep_registration(client, answer.json)) {
		client_send_tagline(cmd, "NO [UNAVAILABLE] Pushes cannot be registered now.");
		return;
	}
	str_printfa(answer.untagged, "* "COMMAND" \"aps-version\" \"%u\" \"aps-topic\" \"%s\"\r\n",
		    registration->version, topic());
	o_stream_nsend(client->output, str_data(answer.untagged), str_len(answer.untagged));
	client_send_tagline(cmd, "OK "COMMAND" completed.");
}

/* Dovecot calls it again, from its start, until the arguments have come: before that it has no effect. */
static bool cmd_xapplepushservice(struct client_command_context *cmd)
{
	struct registration registration = { 0 };
	const struct imap_arg *args;
	const char *wrong;
	unsigned int names;

	if (!client_read_args(cmd, 0, 0, &args))
		return FALSE;
	if (!is_offered(cmd->client->user)) {
		client_send_tagline(cmd, "NO [UNAVAILABLE] Pushes are not offered here.");
		return TRUE;
	}
	wrong = parse_arguments(args, &registration);
	if (wrong == NULL)
		wrong = parse_names(registration.mailboxes, &names);
	if (wrong != NULL) {
		client_send_command_error(cmd, wrong);
		return TRUE;
	}
	wrong = refusal(&registration, names);
	if (wrong != NULL)
		client_send_tagline(cmd, wrong);
	else
		register_device(cmd, &registration);
	return TRUE;
}

void imap_xapplepush_plugin_init(struct module *module)
{
	const char *topic_set = setting("XAPPLEPUSH_TOPIC"), *told_set = setting("XAPPLEPUSH_MAILBOXES");

	this_module = module;
	if (topic_set != NULL && !is_topic(topic_set))
		i_error("xapplepush: XAPPLEPUSH_TOPIC is no topic of Mail, so no phone can register");
	if (told_set != NULL && named_told(told_set) == TOLD_NONE)
		i_error("xapplepush: XAPPLEPUSH_MAILBOXES is none of inbox, own and all: phones are told their own");
	command_register(COMMAND, cmd_xapplepushservice, 0);
	next_hook = imap_client_created_hook_set(client_created);
}

void imap_xapplepush_plugin_deinit(void)
{
	imap_client_created_hook_set(next_hook);
	command_unregister(COMMAND);
}
