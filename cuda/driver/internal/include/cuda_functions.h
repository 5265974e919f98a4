// The functions of the CUDA driver that gorgonia.org/cu and package driver call: name, parameters, arguments. Every one returns a CUresult.
// cuInit is not among them: see package dl.
#ifndef UNROLL_CUDA_FUNCTIONS_H
#define UNROLL_CUDA_FUNCTIONS_H

#define CUDA_FUNCTIONS(F) \
	/* Devices, versions, errors. */ \
	F(cuDriverGetVersion, (int *version), (version)) \
	F(cuDeviceGet, (CUdevice *device, int ordinal), (device, ordinal)) \
	F(cuDeviceGetCount, (int *count), (count)) \
	F(cuDeviceGetName, (char *name, int length, CUdevice device), (name, length, device)) \
	F(cuDeviceGetUuid, (CUuuid *uuid, CUdevice device), (uuid, device)) \
	F(cuDeviceTotalMem_v2, (size_t *bytes, CUdevice device), (bytes, device)) \
	F(cuDeviceGetAttribute, (int *value, CUdevice_attribute attribute, CUdevice device), (value, attribute, device)) \
	F(cuDeviceGetP2PAttribute, (int *value, CUdevice_P2PAttribute attribute, CUdevice from, CUdevice to), (value, attribute, from, to)) \
	F(cuDeviceCanAccessPeer, (int *can, CUdevice device, CUdevice peer), (can, device, peer)) \
	F(cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device), (context, device)) \
	F(cuDevicePrimaryCtxRelease_v2, (CUdevice device), (device)) \
	F(cuDevicePrimaryCtxReset_v2, (CUdevice device), (device)) \
	F(cuDevicePrimaryCtxSetFlags_v2, (CUdevice device, unsigned int flags), (device, flags)) \
	F(cuDevicePrimaryCtxGetState, (CUdevice device, unsigned int *flags, int *active), (device, flags, active)) \
	F(cuGetErrorName, (CUresult error, const char **name), (error, name)) \
	F(cuGetErrorString, (CUresult error, const char **text), (error, text)) \
	/* Contexts. */ \
	F(cuCtxCreate_v2, (CUcontext *context, unsigned int flags, CUdevice device), (context, flags, device)) \
	F(cuCtxDestroy_v2, (CUcontext context), (context)) \
	F(cuCtxPushCurrent_v2, (CUcontext context), (context)) \
	F(cuCtxPopCurrent_v2, (CUcontext *context), (context)) \
	F(cuCtxSetCurrent, (CUcontext context), (context)) \
	F(cuCtxGetCurrent, (CUcontext *context), (context)) \
	F(cuCtxGetDevice, (CUdevice *device), (device)) \
	F(cuCtxGetFlags, (unsigned int *flags), (flags)) \
	F(cuCtxGetApiVersion, (CUcontext context, unsigned int *version), (context, version)) \
	F(cuCtxSynchronize, (void), ()) \
	F(cuCtxSetLimit, (CUlimit limit, size_t value), (limit, value)) \
	F(cuCtxGetLimit, (size_t *value, CUlimit limit), (value, limit)) \
	F(cuCtxGetCacheConfig, (CUfunc_cache *config), (config)) \
	F(cuCtxSetCacheConfig, (CUfunc_cache config), (config)) \
	F(cuCtxGetSharedMemConfig, (CUsharedconfig *config), (config)) \
	F(cuCtxSetSharedMemConfig, (CUsharedconfig config), (config)) \
	F(cuCtxGetStreamPriorityRange, (int *least, int *greatest), (least, greatest)) \
	F(cuCtxResetPersistingL2Cache, (void), ()) \
	F(cuCtxEnablePeerAccess, (CUcontext peer, unsigned int flags), (peer, flags)) \
	F(cuCtxDisablePeerAccess, (CUcontext peer), (peer)) \
	/* Modules, functions, launches. */ \
	F(cuModuleLoad, (CUmodule *module, const char *file), (module, file)) \
	F(cuModuleLoadData, (CUmodule *module, const void *image), (module, image)) \
	F(cuModuleLoadDataEx, (CUmodule *module, const void *image, unsigned int count, CUjit_option *options, void **values), (module, image, \
	  count, options, values)) \
	F(cuModuleLoadFatBinary, (CUmodule *module, const void *image), (module, image)) \
	F(cuModuleUnload, (CUmodule module), (module)) \
	F(cuModuleGetFunction, (CUfunction *function, CUmodule module, const char *name), (function, module, name)) \
	F(cuModuleGetGlobal_v2, (CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name), (address, bytes, module, name)) \
	F(cuModuleGetTexRef, (CUtexref *texture, CUmodule module, const char *name), (texture, module, name)) \
	F(cuModuleGetSurfRef, (CUsurfref *surface, CUmodule module, const char *name), (surface, module, name)) \
	F(cuLinkCreate_v2, (unsigned int count, CUjit_option *options, void **values, CUlinkState *state), (count, options, values, state)) \
	F(cuLinkAddData_v2, (CUlinkState state, CUjitInputType type, void *data, size_t size, const char *name, unsigned int count, \
	  CUjit_option *options, void **values), (state, type, data, size, name, count, options, values)) \
	F(cuLinkAddFile_v2, (CUlinkState state, CUjitInputType type, const char *path, unsigned int count, CUjit_option *options, \
	  void **values), (state, type, path, count, options, values)) \
	F(cuLinkComplete, (CUlinkState state, void **cubin, size_t *size), (state, cubin, size)) \
	F(cuLinkDestroy, (CUlinkState state), (state)) \
	F(cuFuncGetAttribute, (int *value, CUfunction_attribute attribute, CUfunction function), (value, attribute, function)) \
	F(cuFuncSetCacheConfig, (CUfunction function, CUfunc_cache config), (function, config)) \
	F(cuFuncSetSharedMemConfig, (CUfunction function, CUsharedconfig config), (function, config)) \
	F(cuOccupancyMaxActiveBlocksPerMultiprocessor, (int *blocks, CUfunction function, int blockSize, size_t shared), (blocks, function, \
	  blockSize, shared)) \
	F(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, (int *blocks, CUfunction function, int blockSize, size_t shared, \
	  unsigned int flags), (blocks, function, blockSize, shared, flags)) \
	F(cuLaunchKernel, (CUfunction function, unsigned int gridX, unsigned int gridY, unsigned int gridZ, unsigned int blockX, \
	  unsigned int blockY, unsigned int blockZ, unsigned int shared, CUstream stream, void **params, void **extra), (function, gridX, gridY, gridZ, blockX, blockY, blockZ, shared, stream, params, extra)) \
	F(cuLaunchKernelEx, (const CUlaunchConfig *config, CUfunction function, void **params, void **extra), (config, function, params, \
	  extra)) \
	/* Memory. */ \
	F(cuMemGetInfo_v2, (size_t *unused, size_t *total), (unused, total)) \
	F(cuMemAlloc_v2, (CUdeviceptr *address, size_t bytes), (address, bytes)) \
	F(cuMemAllocPitch_v2, (CUdeviceptr *address, size_t *pitch, size_t width, size_t height, unsigned int elementSize), (address, pitch, \
	  width, height, elementSize)) \
	F(cuMemAllocManaged, (CUdeviceptr *address, size_t bytes, unsigned int flags), (address, bytes, flags)) \
	F(cuMemAllocHost_v2, (void **address, size_t bytes), (address, bytes)) \
	F(cuMemFree_v2, (CUdeviceptr address), (address)) \
	F(cuMemFreeHost, (void *address), (address)) \
	F(cuMemGetAddressRange_v2, (CUdeviceptr *base, size_t *size, CUdeviceptr address), (base, size, address)) \
	F(cuMemAdvise, (CUdeviceptr address, size_t bytes, CUmem_advise advice, CUdevice device), (address, bytes, advice, device)) \
	F(cuMemPrefetchAsync, (CUdeviceptr address, size_t bytes, CUdevice device, CUstream stream), (address, bytes, device, stream)) \
	F(cuPointerGetAttribute, (void *value, CUpointer_attribute attribute, CUdeviceptr address), (value, attribute, address)) \
	F(cuPointerSetAttribute, (const void *value, CUpointer_attribute attribute, CUdeviceptr address), (value, attribute, address)) \
	F(cuMemcpy, (CUdeviceptr to, CUdeviceptr from, size_t bytes), (to, from, bytes)) \
	F(cuMemcpyAsync, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream)) \
	F(cuMemcpyPeer, (CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext, size_t bytes), (to, toContext, from, \
	  fromContext, bytes)) \
	F(cuMemcpyPeerAsync, (CUdeviceptr to, CUcontext toContext, CUdeviceptr from, CUcontext fromContext, size_t bytes, CUstream stream), \
	  (to, toContext, from, fromContext, bytes, stream)) \
	F(cuMemcpyHtoD_v2, (CUdeviceptr to, const void *from, size_t bytes), (to, from, bytes)) \
	F(cuMemcpyHtoDAsync_v2, (CUdeviceptr to, const void *from, size_t bytes, CUstream stream), (to, from, bytes, stream)) \
	F(cuMemcpyDtoH_v2, (void *to, CUdeviceptr from, size_t bytes), (to, from, bytes)) \
	F(cuMemcpyDtoHAsync_v2, (void *to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream)) \
	F(cuMemcpyDtoD_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes), (to, from, bytes)) \
	F(cuMemcpyDtoDAsync_v2, (CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream), (to, from, bytes, stream)) \
	F(cuMemcpyDtoA_v2, (CUarray to, size_t at, CUdeviceptr from, size_t bytes), (to, at, from, bytes)) \
	F(cuMemcpyAtoD_v2, (CUdeviceptr to, CUarray from, size_t at, size_t bytes), (to, from, at, bytes)) \
	F(cuMemcpyHtoA_v2, (CUarray to, size_t at, const void *from, size_t bytes), (to, at, from, bytes)) \
	F(cuMemcpyHtoAAsync_v2, (CUarray to, size_t at, const void *from, size_t bytes, CUstream stream), (to, at, from, bytes, stream)) \
	F(cuMemcpyAtoH_v2, (void *to, CUarray from, size_t at, size_t bytes), (to, from, at, bytes)) \
	F(cuMemcpyAtoHAsync_v2, (void *to, CUarray from, size_t at, size_t bytes, CUstream stream), (to, from, at, bytes, stream)) \
	F(cuMemcpyAtoA_v2, (CUarray to, size_t toAt, CUarray from, size_t fromAt, size_t bytes), (to, toAt, from, fromAt, bytes)) \
	F(cuMemcpy2D_v2, (const CUDA_MEMCPY2D *copy), (copy)) \
	F(cuMemcpy2DAsync_v2, (const CUDA_MEMCPY2D *copy, CUstream stream), (copy, stream)) \
	F(cuMemcpy2DUnaligned_v2, (const CUDA_MEMCPY2D *copy), (copy)) \
	F(cuMemcpy3D_v2, (const CUDA_MEMCPY3D *copy), (copy)) \
	F(cuMemcpy3DAsync_v2, (const CUDA_MEMCPY3D *copy, CUstream stream), (copy, stream)) \
	F(cuMemcpy3DPeer, (const CUDA_MEMCPY3D_PEER *copy), (copy)) \
	F(cuMemcpy3DPeerAsync, (const CUDA_MEMCPY3D_PEER *copy, CUstream stream), (copy, stream)) \
	F(cuMemsetD8_v2, (CUdeviceptr to, unsigned char value, size_t n), (to, value, n)) \
	F(cuMemsetD8Async, (CUdeviceptr to, unsigned char value, size_t n, CUstream stream), (to, value, n, stream)) \
	F(cuMemsetD16_v2, (CUdeviceptr to, unsigned short value, size_t n), (to, value, n)) \
	F(cuMemsetD16Async, (CUdeviceptr to, unsigned short value, size_t n, CUstream stream), (to, value, n, stream)) \
	F(cuMemsetD32_v2, (CUdeviceptr to, unsigned int value, size_t n), (to, value, n)) \
	F(cuMemsetD32Async, (CUdeviceptr to, unsigned int value, size_t n, CUstream stream), (to, value, n, stream)) \
	F(cuMemsetD2D8_v2, (CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height), (to, pitch, value, width, height)) \
	F(cuMemsetD2D8Async, (CUdeviceptr to, size_t pitch, unsigned char value, size_t width, size_t height, CUstream stream), (to, pitch, \
	  value, width, height, stream)) \
	F(cuMemsetD2D16_v2, (CUdeviceptr to, size_t pitch, unsigned short value, size_t width, size_t height), (to, pitch, value, width, height)) \
	F(cuMemsetD2D16Async, (CUdeviceptr to, size_t pitch, unsigned short value, size_t width, size_t height, CUstream stream), (to, pitch, \
	  value, width, height, stream)) \
	F(cuMemsetD2D32_v2, (CUdeviceptr to, size_t pitch, unsigned int value, size_t width, size_t height), (to, pitch, value, width, height)) \
	F(cuMemsetD2D32Async, (CUdeviceptr to, size_t pitch, unsigned int value, size_t width, size_t height, CUstream stream), (to, pitch, \
	  value, width, height, stream)) \
	/* Streams and events. */ \
	F(cuStreamCreate, (CUstream *stream, unsigned int flags), (stream, flags)) \
	F(cuStreamCreateWithPriority, (CUstream *stream, unsigned int flags, int priority), (stream, flags, priority)) \
	F(cuStreamDestroy_v2, (CUstream stream), (stream)) \
	F(cuStreamQuery, (CUstream stream), (stream)) \
	F(cuStreamSynchronize, (CUstream stream), (stream)) \
	F(cuStreamWaitEvent, (CUstream stream, CUevent event, unsigned int flags), (stream, event, flags)) \
	F(cuStreamGetFlags, (CUstream stream, unsigned int *flags), (stream, flags)) \
	F(cuStreamGetPriority, (CUstream stream, int *priority), (stream, priority)) \
	F(cuStreamAttachMemAsync, (CUstream stream, CUdeviceptr address, size_t length, unsigned int flags), (stream, address, length, flags)) \
	F(cuStreamWaitValue32_v2, (CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned int flags), (stream, address, value, flags)) \
	F(cuStreamWriteValue32_v2, (CUstream stream, CUdeviceptr address, cuuint32_t value, unsigned int flags), (stream, address, value, flags)) \
	F(cuStreamBeginCapture_v2, (CUstream stream, CUstreamCaptureMode mode), (stream, mode)) \
	F(cuStreamEndCapture, (CUstream stream, CUgraph *graph), (stream, graph)) \
	F(cuEventCreate, (CUevent *event, unsigned int flags), (event, flags)) \
	F(cuEventDestroy_v2, (CUevent event), (event)) \
	F(cuEventRecord, (CUevent event, CUstream stream), (event, stream)) \
	F(cuEventQuery, (CUevent event), (event)) \
	F(cuEventSynchronize, (CUevent event), (event)) \
	F(cuEventElapsedTime, (float *milliseconds, CUevent start, CUevent end), (milliseconds, start, end)) \
	/* Graphs. */ \
	F(cuGraphCreate, (CUgraph *graph, unsigned int flags), (graph, flags)) \
	F(cuGraphClone, (CUgraph *clone, CUgraph graph), (clone, graph)) \
	F(cuGraphDestroy, (CUgraph graph), (graph)) \
	F(cuGraphDestroyNode, (CUgraphNode node), (node)) \
	F(cuGraphInstantiateWithFlags, (CUgraphExec *exec, CUgraph graph, unsigned long long flags), (exec, graph, flags)) \
	F(cuGraphLaunch, (CUgraphExec exec, CUstream stream), (exec, stream)) \
	F(cuGraphExecDestroy, (CUgraphExec exec), (exec)) \
	F(cuGraphAddEmptyNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count), (node, graph, after, count)) \
	F(cuGraphAddChildGraphNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, CUgraph child), (node, graph, \
	  after, count, child)) \
	F(cuGraphAddHostNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, const CUDA_HOST_NODE_PARAMS *params), \
	  (node, graph, after, count, params)) \
	F(cuGraphAddKernelNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, \
	  const CUDA_KERNEL_NODE_PARAMS_v1 *params), (node, graph, after, count, params)) \
	F(cuGraphAddMemcpyNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, const CUDA_MEMCPY3D *copy, \
	  CUcontext context), (node, graph, after, count, copy, context)) \
	F(cuGraphAddMemsetNode, (CUgraphNode *node, CUgraph graph, const CUgraphNode *after, size_t count, \
	  const CUDA_MEMSET_NODE_PARAMS *params, CUcontext context), (node, graph, after, count, params, context)) \
	F(cuGraphAddDependencies, (CUgraph graph, const CUgraphNode *from, const CUgraphNode *to, size_t count), (graph, from, to, count)) \
	F(cuGraphGetEdges, (CUgraph graph, CUgraphNode *from, CUgraphNode *to, size_t *count), (graph, from, to, count)) \
	/* Arrays, textures and surfaces: named by gorgonia.org/cu alone. */ \
	F(cuArrayCreate_v2, (CUarray *array, const CUDA_ARRAY_DESCRIPTOR *descriptor), (array, descriptor)) \
	F(cuArrayGetDescriptor_v2, (CUDA_ARRAY_DESCRIPTOR *descriptor, CUarray array), (descriptor, array)) \
	F(cuArray3DCreate_v2, (CUarray *array, const CUDA_ARRAY3D_DESCRIPTOR *descriptor), (array, descriptor)) \
	F(cuArray3DGetDescriptor_v2, (CUDA_ARRAY3D_DESCRIPTOR *descriptor, CUarray array), (descriptor, array)) \
	F(cuArrayDestroy, (CUarray array), (array)) \
	F(cuTexRefSetArray, (CUtexref texture, CUarray array, unsigned int flags), (texture, array, flags)) \
	F(cuTexRefSetAddress_v2, (size_t *at, CUtexref texture, CUdeviceptr address, size_t bytes), (at, texture, address, bytes)) \
	F(cuTexRefSetAddress2D_v3, (CUtexref texture, const CUDA_ARRAY_DESCRIPTOR *descriptor, CUdeviceptr address, size_t pitch), (texture, \
	  descriptor, address, pitch)) \
	F(cuTexRefSetFormat, (CUtexref texture, CUarray_format format, int components), (texture, format, components)) \
	F(cuTexRefSetAddressMode, (CUtexref texture, int dim, CUaddress_mode mode), (texture, dim, mode)) \
	F(cuTexRefSetFilterMode, (CUtexref texture, CUfilter_mode mode), (texture, mode)) \
	F(cuTexRefSetMipmapFilterMode, (CUtexref texture, CUfilter_mode mode), (texture, mode)) \
	F(cuTexRefSetMipmapLevelBias, (CUtexref texture, float bias), (texture, bias)) \
	F(cuTexRefSetMipmapLevelClamp, (CUtexref texture, float least, float greatest), (texture, least, greatest)) \
	F(cuTexRefSetMaxAnisotropy, (CUtexref texture, unsigned int most), (texture, most)) \
	F(cuTexRefSetBorderColor, (CUtexref texture, float *color), (texture, color)) \
	F(cuTexRefSetFlags, (CUtexref texture, unsigned int flags), (texture, flags)) \
	F(cuTexRefGetAddress_v2, (CUdeviceptr *address, CUtexref texture), (address, texture)) \
	F(cuTexRefGetArray, (CUarray *array, CUtexref texture), (array, texture)) \
	F(cuTexRefGetAddressMode, (CUaddress_mode *mode, CUtexref texture, int dim), (mode, texture, dim)) \
	F(cuTexRefGetFilterMode, (CUfilter_mode *mode, CUtexref texture), (mode, texture)) \
	F(cuTexRefGetFormat, (CUarray_format *format, int *channels, CUtexref texture), (format, channels, texture)) \
	F(cuTexRefGetMaxAnisotropy, (int *most, CUtexref texture), (most, texture)) \
	F(cuTexRefGetBorderColor, (float *color, CUtexref texture), (color, texture)) \
	F(cuTexRefGetFlags, (unsigned int *flags, CUtexref texture), (flags, texture)) \
	F(cuSurfRefSetArray, (CUsurfref surface, CUarray array, unsigned int flags), (surface, array, flags)) \
	F(cuSurfRefGetArray, (CUarray *array, CUsurfref surface), (array, surface))

#endif
