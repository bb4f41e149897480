// SPDX-License-Identifier: MIT
/* Host test of the page index: random inserts, removes and walks against a flat array. */
#include "../include/page_index.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define RANGE 300000u

static long live_nodes;
void *index_node_alloc(void) { live_nodes++; return calloc(1, sizeof(struct index_node)); }
void index_node_free(void *n) { live_nodes--; free(n); }

static void *model[RANGE];

static void walk_matches_model(const struct page_index *t)
{
	u64 at = 0;
	for (u64 i = 0; i < RANGE; i++) {
		if (!model[i])
			continue;
		void *p = page_index_next(t, &at);
		assert(p == model[i] && at == i);
		at++;
	}
	assert(page_index_next(t, &at) == NULL);
}

int main(void)
{
	struct page_index t = { 0 };
	static char items[RANGE];
	srand(1);
	for (int round = 0; round < 400000; round++) {
		u64 i = (u64)rand() % (round % 3 ? 100u : RANGE);
		if (model[i]) {
			assert(page_index_remove(&t, i) == model[i]);
			model[i] = NULL;
		} else {
			assert(page_index_remove(&t, i) == NULL);
			model[i] = &items[i];
			assert(page_index_insert(&t, i, &items[i]));
		}
		assert(page_index_find(&t, i) == model[i]);
	}
	walk_matches_model(&t);
	for (u64 i = 0; i < RANGE; i++)
		if (model[i])
			assert(page_index_remove(&t, i) == model[i]);
	assert(!t.root && !t.height && live_nodes == 0);
	u64 far = 1ull << 50;
	assert(page_index_insert(&t, far, items) && page_index_find(&t, far) == items && !page_index_find(&t, 0));
	assert(page_index_insert(&t, 0, items + 1) && page_index_remove(&t, far) == items);
	assert(page_index_remove(&t, 0) == items + 1 && live_nodes == 0);
	puts("page_index: ok");
	return 0;
}
