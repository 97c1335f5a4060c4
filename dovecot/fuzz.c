/*
 * All that a phone can say: Dovecot's own parser and what the plugin makes of its arguments. Mailboxes exist as they are
 * named, since Dovecot's storage is not there. `make fuzz` runs it by libFuzzer, `make fuzz-short` by fuzz-driver.c; its
 * process is one of Dovecot's libraries without imap, whose functions are stood in for below.
 */
#include "imap_xapplepush_plugin.c"

#include "istream.h"

void command_register(const char *name ATTR_UNUSED, command_func_t *func ATTR_UNUSED,
		      enum command_flags flags ATTR_UNUSED) {}
void command_unregister(const char *name ATTR_UNUSED) {}
imap_client_created_func_t *imap_client_created_hook_set(imap_client_created_func_t *hook ATTR_UNUSED) { return NULL; }
void client_add_capability(struct client *client ATTR_UNUSED, const char *capability ATTR_UNUSED) {}
void client_send_tagline(struct client_command_context *cmd ATTR_UNUSED, const char *data ATTR_UNUSED) {}
void client_send_command_error(struct client_command_context *cmd ATTR_UNUSED, const char *message ATTR_UNUSED) {}
bool client_read_args(struct client_command_context *cmd ATTR_UNUSED, unsigned int count ATTR_UNUSED,
		      unsigned int flags ATTR_UNUSED, const struct imap_arg **args_r ATTR_UNUSED) { return FALSE; }
struct mail_namespace *client_find_namespace_full(struct client *client ATTR_UNUSED, const char **mailbox ATTR_UNUSED,
						  const char **error_r ATTR_UNUSED) { return NULL; }

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
unsigned long fuzz_answered(void);

static unsigned long answered;

/* How many of them were registrations that a phone is answered OK for. */
unsigned long fuzz_answered(void)
{
	return answered;
}

/* What goes to the phone and into the spool keeps to one line of UTF-8 each, whatever the names are. */
static void expect_tidy(const struct answer *answer)
{
	size_t i;
	const char *json = str_c(answer->json);

	i_assert(uni_utf8_str_is_valid(json) && str_len(answer->json) == strlen(json));
	for (i = 0; json[i] != '\0'; i++)
		i_assert((unsigned char)json[i] >= 0x20 && json[i] != 0x7f);
}

static void answer_all(pool_t pool, const struct registration *registration)
{
	struct answer answer = { str_new(pool, 16), str_new(pool, 16), 0 };
	const struct imap_arg *arg = registration->mailboxes;
	const char *name;

	begin_json(answer.json, registration, "alice");
	for (; arg != NULL && !IMAP_ARG_IS_EOL(arg); arg++) T_BEGIN {
		if (imap_arg_get_astring(arg, &name) && is_canonical(name))
			accept_mailbox(&answer, name, name);
	} T_END;
	str_append(answer.json, "]}");
	expect_tidy(&answer);
	answered++;
}

static void try_arguments(const struct imap_arg *args)
{
	struct registration registration = { 0 };
	unsigned int names;
	pool_t pool;

	if (parse_arguments(args, &registration) != NULL || parse_names(registration.mailboxes, &names) != NULL ||
	    refusal(&registration, names) != NULL)
		return;
	i_assert(names <= MAX_MAILBOXES && (registration.version == 1 || registration.version == 2));
	pool = pool_alloconly_create("fuzz", 64);
	answer_all(pool, &registration);
	pool_unref(&pool);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static bool is_ready = FALSE;
	struct istream *input;
	struct imap_parser *parser;
	const struct imap_arg *args;

	if (!is_ready) {
		lib_init();
		setenv("XAPPLEPUSH_TOPIC", "com.apple.mail.XServer.fuzz", 1);
		is_ready = TRUE;
	}
	T_BEGIN {
		input = i_stream_create_from_data(data, size);
		(void)i_stream_read(input);
		parser = imap_parser_create(input, NULL, 65536, NULL);
		if (imap_parser_finish_line(parser, 0, 0, &args) >= 0)
			try_arguments(args);
		imap_parser_unref(&parser);
		i_stream_unref(&input);
	} T_END;
	return 0;
}
