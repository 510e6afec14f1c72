/* A Vulkan driver that passes everything on to another one and breaks on request: the graphics device is lost at the n-th piece of
   work (LOST_AT), or cannot be made at all (LOST_AT=0). LOST_DRIVER names the library of the driver below. It knows nothing of
   Terroir. Built by tests/faults/cases.py with the system's C compiler. */

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Call)(void);
typedef int32_t (*Integers)(void *, uintptr_t, uintptr_t, uintptr_t, uint64_t);
typedef Call (*Lookup)(void *, const char *);

enum { INITIALIZATION_FAILED = -3, DEVICE_LOST = -4 };

static Lookup instance_lookup, device_lookup, physical_lookup;
static atomic_long submitted;

static long lost_at(void) {
    const char *text = getenv("LOST_AT");
    return text ? atol(text) : -1;
}

static void *below(const char *name) {
    static void *driver;
    if (!driver) driver = dlopen(getenv("LOST_DRIVER"), RTLD_NOW | RTLD_LOCAL);
    return driver ? dlsym(driver, name) : NULL;
}

static int is_lost(int is_work) {
    long at = lost_at();
    long count = is_work ? atomic_fetch_add(&submitted, 1) + 1 : atomic_load(&submitted);
    return at > 0 && count >= at;
}

/* Every call of the table returns a result and takes whole numbers only, five at most. */
#define CALLS(each) \
    each(vkQueueSubmit, 1) each(vkQueueSubmit2, 1) each(vkQueueSubmit2KHR, 1) each(vkWaitForFences, 0) each(vkGetFenceStatus, 0) \
    each(vkWaitSemaphores, 0) each(vkWaitSemaphoresKHR, 0) each(vkGetSemaphoreCounterValue, 0) \
    each(vkGetSemaphoreCounterValueKHR, 0) each(vkDeviceWaitIdle, 0) each(vkQueueWaitIdle, 0) each(vkAllocateMemory, 0)

#define WRAPPER(name, is_work) \
    static Integers real_##name; \
    static int32_t lost_##name(void *a, uintptr_t b, uintptr_t c, uintptr_t d, uint64_t e) { \
        return is_lost(is_work) ? DEVICE_LOST : real_##name(a, b, c, d, e); \
    }
CALLS(WRAPPER)

static int32_t no_device(void *a, uintptr_t b, uintptr_t c, uintptr_t d) {
    (void)a, (void)b, (void)c, (void)d;
    return INITIALIZATION_FAILED;
}

static Call wrapped(const char *name, Call real) {
    if (!real) return real;
#define CHOICE(call, is_work) \
    if (strcmp(name, #call) == 0) { \
        real_##call = (Integers)real; \
        return (Call)lost_##call; \
    }
    CALLS(CHOICE)
    return real;
}

static Call device_call(void *device, const char *name) {
    return wrapped(name, device_lookup(device, name));
}

__attribute__((visibility("default"))) Call vk_icdGetInstanceProcAddr(void *instance, const char *name) {
    if (!instance_lookup) instance_lookup = (Lookup)below("vk_icdGetInstanceProcAddr");
    if (!instance_lookup) return NULL;
    Call real = instance_lookup(instance, name);
    if (real && strcmp(name, "vkGetDeviceProcAddr") == 0) {
        device_lookup = (Lookup)real;
        return (Call)device_call;
    }
    if (real && strcmp(name, "vkCreateDevice") == 0 && lost_at() == 0) return (Call)no_device;
    return wrapped(name, real);
}

__attribute__((visibility("default"))) Call vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
    if (!physical_lookup) physical_lookup = (Lookup)below("vk_icdGetPhysicalDeviceProcAddr");
    return physical_lookup ? physical_lookup(instance, name) : NULL;
}

__attribute__((visibility("default"))) int32_t vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
    int32_t (*real)(uint32_t *) = (int32_t (*)(uint32_t *))below("vk_icdNegotiateLoaderICDInterfaceVersion");
    return real ? real(version) : INITIALIZATION_FAILED;
}
