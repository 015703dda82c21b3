/*
 * dfs: the operator's command. Here: arguments, where the cluster is, its key, what is printed at
 * the end. What is asked and how it is shown is in core/ (core/admin.h).
 */
#include "admin/core/admin.h"
#include "admin/shell/accounts.h"
#include "admin/shell/run.h"
#include "admin/shell/where.h"
#include "libdfsproto/host/ids.h"
#include "libdfsproto/host/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int identity_make(const char *key, struct dfs_identity *ret_identity,
			 struct dfs_sentence *ret_text)
{
	struct dfs_identity identity = {
	    .node = dfs_id_random(),
	    .host = dfs_host_id(),
	    .role = DFS_ROLE_ADMIN,
	};
	char host[40] = "";
	int status = dfs_key_load(key, identity.key, ret_text);
	if (status != 0)
		return status;
	identity.cluster = dfs_cluster_id(identity.key);
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(identity.name, sizeof(identity.name), "dfs@%s", host);
	*ret_identity = identity;
	return 0;
}

static bool wants_colours(const struct ad_arguments *arguments)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");
	if (arguments->json || arguments->colour == AD_COLOUR_NEVER)
		return false;
	if (arguments->colour == AD_COLOUR_ALWAYS)
		return true;
	return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static void write_text(const struct ad_text *text, FILE *to)
{
	if (text->length > 0)
		(void)fwrite(text->data, 1, text->length, to);
}

static int fail(const struct ad_arguments *arguments, enum ad_exit code, const char *sentence)
{
	struct ad_text out = {0};
	fprintf(stderr, "dfs: %s\n", sentence);
	ad_error_json(arguments, sentence, &out);
	write_text(&out, stdout);
	ad_text_fini(&out);
	return code;
}

static int help(enum ad_command command)
{
	struct ad_text page = {0};
	ad_help(command, &page);
	write_text(&page, stdout);
	ad_text_fini(&page);
	return AD_EXIT_OK;
}

static int work(const struct ad_arguments *arguments, const struct where *where,
		const struct dfs_identity *identity)
{
	struct ad *ad = ad_new(&(struct ad_config){
	    .identity = *identity,
	    .arguments = arguments,
	    .masters = where->masters,
	    .masters_from = where->masters_from,
	    .files = where->files,
	    .files_count = where->files_count,
	    .account = where->account,
	    .account_name = account_name,
	    .place = where->place,
	    .to = where->to,
	    .colours = wants_colours(arguments),
	});
	run(ad);
	write_text(ad_output(ad), stdout);
	int code = ad_exit_code(ad);
	if (fflush(stdout) != 0) {
		perror("dfs: cannot write the result");
		code = AD_EXIT_FAILED;
	}
	write_text(ad_complaints(ad), stderr);
	ad_free(ad);
	return code;
}

int main(int argc, char **argv)
{
	struct ad_arguments arguments = {0};
	struct ad_text why = {0};
	struct dfs_sentence text;
	struct dfs_identity identity;
	struct where where;
	if (ad_arguments_parse(argc, argv, &arguments, &why) != 0) {
		int code = fail(&arguments, AD_EXIT_USAGE, ad_text_get(&why));
		ad_text_fini(&why);
		return code;
	}
	if (arguments.version) {
		printf("dfs %s\n", DFS_VERSION);
		return AD_EXIT_OK;
	}
	if (arguments.help)
		return help(arguments.command);
	int status = where_find(&arguments, &where, &text);
	if (status == 0)
		status = identity_make(where.key, &identity, &text);
	int code = status == 0 ? work(&arguments, &where, &identity)
			       : fail(&arguments, AD_EXIT_FAILED, text.text);
	where_fini(&where);
	return code;
}
